package oauth

// What the fuzz targets ask without a database.
var (
	MatchesRedirectURI = matchesRedirectURI
	ParseBasic         = parseBasic
	VerifierMatches    = verifierMatches
)

package oauth

// MatchesRedirectURI lets the fuzz target ask without a database.
var MatchesRedirectURI = matchesRedirectURI

package oauth

// What the fuzz targets ask without a database.
var (
	MatchesRedirectURI = matchesRedirectURI
	ParseBasic         = parseBasic
	VerifierMatches    = verifierMatches
)

// ParseDetails reads authorization details as the endpoints do.
func ParseDetails(text string) ([]map[string]any, bool) {
	details, err := parseDetails(text)
	return details, err == nil
}

// MatchesSubject compares a workload's sub with a rule's pattern.
func MatchesSubject(pattern, subject string) bool { return matchesSubject(pattern, subject) }

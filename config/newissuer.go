package config

// NewIssuer returns an issuer as its profile has it, for a program that
// configures itself. The URL is the caller's to set.
func NewIssuer(profile string) Issuer {
	var i Issuer
	i.setDefaults(func(string) string { return profile })
	return i
}

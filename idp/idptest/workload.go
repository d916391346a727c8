package idptest

import "maps"

// WorkloadToken signs a token as a CI runner gets it for a job: the claims, and
// iss, iat and exp (five minutes on) where they are not among them; a nil value
// leaves one out. Faults of header and signature apply.
func (p *Provider) WorkloadToken(claims map[string]any) (string, error) {
	key, faults := p.signing()
	now := p.config.Now()
	all := map[string]any{"iss": p.Issuer(), "iat": now.Unix(), "exp": now.Add(tokenLife).Unix()}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return faults.sign(key, Client{}, all)
}

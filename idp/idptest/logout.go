package idptest

import (
	"crypto/rand"
	"fmt"
	"maps"
	"time"
)

// LogoutToken signs a logout token for a client (OpenID Connect Back-Channel
// Logout section 2.4). The caller adds sub, sid or both, and may spoil the rest;
// Faults spoil header and signature.
func (p *Provider) LogoutToken(clientID string, change func(claims map[string]any)) (string, error) {
	p.mu.Lock()
	client, ok := p.clients[clientID]
	p.mu.Unlock()
	if !ok {
		return "", fmt.Errorf("idptest: no client %q", clientID)
	}
	now := p.config.Now()
	claims := map[string]any{
		"iss": p.Issuer(), "aud": clientID, "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "jti": rand.Text(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	change(claims)
	key, faults := p.signing()
	header := map[string]any{"typ": "logout+jwt"}
	maps.Copy(header, faults.Header)
	faults.Header = header
	return faults.sign(key, client, claims)
}

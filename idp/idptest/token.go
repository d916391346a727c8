package idptest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
)

// POST /token (RFC 6749 section 4.1.3, RFC 7636 section 4.5)
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		tokenError(w, http.StatusBadRequest, "invalid_request")
		return
	}
	client, ok := p.authenticateClient(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="idptest"`)
		tokenError(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
	case "refresh_token":
		p.refresh(w, r, client)
		return
	default:
		tokenError(w, http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	g, ok := p.codes.take(r.PostForm.Get("code"))
	if !ok || g.clientID != client.ID || g.redirectURI != r.PostForm.Get("redirect_uri") ||
		!verifies(g.challenge, r.PostForm.Get("code_verifier")) {
		tokenError(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	p.issue(w, client, g)
}

// issue answers with tokens; with a refresh token where offline_access was asked for.
func (p *Provider) issue(w http.ResponseWriter, client Client, g grant) {
	accessToken := p.tokens.put(g)
	idToken, err := p.idToken(g, client, accessToken)
	if err != nil {
		tokenError(w, http.StatusInternalServerError, "server_error")
		return
	}
	answer := map[string]any{
		"access_token": accessToken, "token_type": "Bearer", "expires_in": int(tokenLife.Seconds()), "id_token": idToken,
	}
	if slices.Contains(g.scopes, "offline_access") {
		answer["refresh_token"] = p.refreshes.put(g)
	}
	writeJSON(w, http.StatusOK, answer)
}

// refresh redeems a refresh token once (RFC 6749 section 6), unless its person
// was disabled.
func (p *Provider) refresh(w http.ResponseWriter, r *http.Request, client Client) {
	g, ok := p.refreshes.take(r.PostForm.Get("refresh_token"))
	p.mu.Lock()
	ok = ok && !p.disabled[g.user.Subject]
	p.mu.Unlock()
	if !ok || g.clientID != client.ID {
		tokenError(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	g.nonce = ""
	p.issue(w, client, g)
}

// Disable makes the refresh tokens of a person worth nothing.
func (p *Provider) Disable(subject string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.disabled[subject] = true
}

func tokenError(w http.ResponseWriter, status int, code string) {
	writeJSON(w, status, map[string]any{"error": code})
}

// authenticateClient takes client_secret_basic or client_secret_post, not both
// (RFC 6749 section 2.3), and the bare client_id of a public client.
func (p *Provider) authenticateClient(r *http.Request) (Client, bool) {
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if basicID, basicSecret, ok := r.BasicAuth(); ok {
		if secret != "" {
			return Client{}, false
		}
		var errID, errSecret error
		id, errID = url.QueryUnescape(basicID)
		secret, errSecret = url.QueryUnescape(basicSecret)
		if errID != nil || errSecret != nil {
			return Client{}, false
		}
	}
	p.mu.Lock()
	client, ok := p.clients[id]
	p.mu.Unlock()
	got, want := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(client.Secret))
	return client, subtle.ConstantTimeCompare(got[:], want[:]) == 1 && ok
}

func verifies(challenge, verifier string) bool {
	sum := sha256.Sum256([]byte(verifier))
	got := base64.RawURLEncoding.EncodeToString(sum[:])
	return len(verifier) >= 43 && subtle.ConstantTimeCompare([]byte(got), []byte(challenge)) == 1
}

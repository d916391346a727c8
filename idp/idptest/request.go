package idptest

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// request is an authorization request (OpenID Connect Core section 3.1.2.1)
// whose client and redirect URI are proven.
type request struct {
	client      Client
	redirectURI string
	state       string
	nonce       string
	challenge   string
	scopes      []string
	prompts     []string
	maxAge      *time.Duration
	loginHint   string
	acrValues   []string
}

// parseRequest reads the query. Without ok there is no one to redirect to;
// otherwise errorCode is empty or what to tell the client.
func (p *Provider) parseRequest(r *http.Request) (req request, errorCode string, ok bool) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return req, "", false
	}
	p.mu.Lock()
	req.client, ok = p.clients[q.Get("client_id")]
	p.mu.Unlock()
	req.redirectURI = q.Get("redirect_uri")
	if !ok || !slices.Contains(req.client.RedirectURIs, req.redirectURI) {
		return req, "", false
	}
	req.state, req.nonce, req.loginHint = q.Get("state"), q.Get("nonce"), q.Get("login_hint")
	req.challenge, req.acrValues = q.Get("code_challenge"), strings.Fields(q.Get("acr_values"))
	req.scopes, req.prompts = strings.Fields(q.Get("scope")), strings.Fields(q.Get("prompt"))
	return req, req.check(q), true
}

// check returns the error to redirect with, or "". It reads max_age on the way.
func (req *request) check(q url.Values) string {
	for _, values := range q {
		if len(values) > 1 {
			return "invalid_request"
		}
	}
	if q.Get("response_type") != "code" {
		return "unsupported_response_type"
	}
	if !slices.Contains(req.scopes, "openid") {
		return "invalid_scope"
	}
	raw, err := base64.RawURLEncoding.DecodeString(req.challenge)
	if err != nil || len(raw) != 32 || q.Get("code_challenge_method") != "S256" {
		return "invalid_request"
	}
	if slices.Contains(req.prompts, "none") && len(req.prompts) > 1 {
		return "invalid_request"
	}
	if text := q.Get("max_age"); text != "" {
		seconds, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return "invalid_request"
		}
		age := time.Duration(seconds) * time.Second
		req.maxAge = &age
	}
	return ""
}

// interactive reports whether the client wants the person asked whatever the session.
func (req *request) interactive() bool {
	return slices.ContainsFunc(req.prompts, func(p string) bool { return p != "none" })
}

// origins are where the form's redirects may lead, for its form-action.
func (req *request) origins() string {
	u, err := url.Parse(req.redirectURI)
	if err != nil {
		return ""
	}
	return strings.Join(append([]string{u.Scheme + "://" + u.Host}, req.client.FormAction...), " ")
}

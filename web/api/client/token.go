package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// ClientCredentials gets access tokens by the client_credentials grant (RFC 6749
// section 4.4): with the secret of a client, or with an API key. As a
// Credential it gets a new one in time. It may not be copied after its first
// use.
type ClientCredentials struct {
	// Issuer is the issuer's URL, such as https://auth.uptimepulse.io. Required.
	Issuer string
	// ClientID and ClientSecret are a client's, sent as client_secret_basic.
	ClientID     string
	ClientSecret Secret
	// APIKey is sent as Bearer instead.
	APIKey Secret
	// Scopes are asked for; none means all that the client or the key has.
	Scopes []string
	// Resource is what the token is for (RFC 8707); empty means the issuer's API.
	Resource string
	// DPoP binds tokens to a key that never leaves the process (RFC 9449).
	DPoP bool
	// HTTP sends the requests; nil means one with a timeout of 30 s.
	HTTP *http.Client

	held atomic.Pointer[held] // printed, it is an address
}

// held is what was found and got by credentials.
type held struct {
	mu       sync.Mutex
	endpoint string
	token    Token
	proof    *proofKey
}

// lock returns what is held, locked.
func (c *ClientCredentials) lock() *held {
	c.held.CompareAndSwap(nil, new(held))
	h := c.held.Load()
	h.mu.Lock()
	return h
}

// Token is an access token.
type Token struct {
	AccessToken string
	// TokenType is Bearer or DPoP.
	TokenType string
	// Scopes are what was granted, which may be less than what was asked for.
	Scopes    []string
	ExpiresAt time.Time
}

// early is how long before its end a token is not used any more.
const early = 20 * time.Second

// Authorize puts an access token on the request, which it gets first if there
// is none that lasts.
func (c *ClientCredentials) Authorize(ctx context.Context, r *http.Request) error {
	h := c.lock()
	defer h.mu.Unlock()
	if time.Until(h.token.ExpiresAt) < early {
		t, err := c.issue(ctx, h)
		if err != nil {
			return err
		}
		h.token = t
	}
	r.Header.Set("Authorization", h.token.TokenType+" "+h.token.AccessToken)
	if h.proof == nil {
		return nil
	}
	return h.proof.prove(r, h.token.AccessToken)
}

// Issue gets a new access token. One bound by DPoP is good for this value only.
func (c *ClientCredentials) Issue(ctx context.Context) (Token, error) {
	h := c.lock()
	defer h.mu.Unlock()
	return c.issue(ctx, h)
}

// renew gives up a token that is refused.
func (c *ClientCredentials) renew(refused *Error) bool {
	h := c.lock()
	defer h.mu.Unlock()
	h.token = Token{}
	if nonce := refused.nonce; nonce != "" && h.proof != nil {
		h.proof.nonce = nonce
	}
	return true
}

func (c *ClientCredentials) issue(ctx context.Context, h *held) (Token, error) {
	if c.DPoP && h.proof == nil {
		p, err := newProofKey()
		if err != nil {
			return Token{}, err
		}
		h.proof = p
	}
	if err := c.discover(ctx, h); err != nil {
		return Token{}, err
	}
	t, err := c.grant(ctx, h)
	if e, ok := errors.AsType[*Error](err); ok && e.Code == "use_dpop_nonce" && h.proof != nil && e.nonce != "" {
		h.proof.nonce = e.nonce
		return c.grant(ctx, h)
	}
	return t, err
}

// discover finds the token endpoint (RFC 8414), and believes only the issuer it
// asked.
func (c *ClientCredentials) discover(ctx context.Context, h *held) error {
	if h.endpoint != "" {
		return nil
	}
	issuer, err := baseURL(c.Issuer)
	if err != nil {
		return err
	}
	u, _ := url.Parse(issuer) // it was read a moment ago
	u.Path = "/.well-known/oauth-authorization-server" + u.Path
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	got, err := exchange(withoutRedirects(c.HTTP), r)
	if err != nil {
		return err
	}
	var metadata struct {
		Issuer        string `json:"issuer"`
		TokenEndpoint string `json:"token_endpoint"`
	}
	if got.status != http.StatusOK || json.Unmarshal(got.body, &metadata) != nil || strings.TrimRight(metadata.Issuer, "/") != issuer {
		return errors.New("client: there is no metadata of " + issuer + " at " + u.String())
	}
	if _, err := baseURL(metadata.TokenEndpoint); err != nil {
		return err
	}
	h.endpoint = metadata.TokenEndpoint
	return nil
}

// grant asks the token endpoint.
func (c *ClientCredentials) grant(ctx context.Context, h *held) (Token, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(c.Scopes) > 0 {
		form.Set("scope", strings.Join(c.Scopes, " "))
	}
	if c.Resource != "" {
		form.Set("resource", c.Resource)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return Token{}, fmt.Errorf("client: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", userAgent)
	switch {
	case c.APIKey != "":
		r.Header.Set("Authorization", "Bearer "+string(c.APIKey))
	case c.ClientID != "" && c.ClientSecret != "":
		r.SetBasicAuth(url.QueryEscape(c.ClientID), url.QueryEscape(string(c.ClientSecret))) // RFC 6749 section 2.3.1
	default:
		return Token{}, errors.New("client: ClientCredentials needs an APIKey, or a ClientID and a ClientSecret")
	}
	if h.proof != nil {
		if err := h.proof.prove(r, ""); err != nil {
			return Token{}, err
		}
	}
	asked := time.Now()
	got, err := exchange(withoutRedirects(c.HTTP), r)
	if err != nil {
		return Token{}, err
	}
	if got.status != http.StatusOK {
		return Token{}, oauthRefusal(got)
	}
	return readToken(got.body, asked)
}

func readToken(body []byte, asked time.Time) (Token, error) {
	var t struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in"`
		Scope       string `json:"scope"`
	}
	if json.Unmarshal(body, &t) != nil || t.AccessToken == "" || t.ExpiresIn <= 0 {
		return Token{}, errors.New("client: the token endpoint's answer is no token response")
	}
	token := Token{AccessToken: t.AccessToken, TokenType: "Bearer", Scopes: strings.Fields(t.Scope), ExpiresAt: asked.Add(time.Duration(t.ExpiresIn) * time.Second)}
	if strings.EqualFold(t.TokenType, "DPoP") {
		token.TokenType = "DPoP"
	}
	return token, nil
}

// oauthRefusal is what the token endpoint refused (RFC 6749 section 5.2), in the
// shape of every other refusal.
func oauthRefusal(got answer) error {
	var told struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	err := refusal(got)
	e, ok := errors.AsType[*Error](err)
	if ok && json.Unmarshal(got.body, &told) == nil && told.Error != "" {
		e.Code, e.Detail = told.Error, told.Description
	}
	return err
}

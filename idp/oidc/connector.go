package oidc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// How a Connector keeps up with its upstream's discovery document.
const (
	metadataFresh = 12 * time.Hour
	metadataLimit = 24 * time.Hour
	metadataMost  = 7 * 24 * time.Hour
	finishTimeout = 10 * time.Second
	maxHint       = 320
)

// Connector is a connection to one upstream. It is safe for concurrent use.
type Connector struct {
	config   Config
	metadata cached[*metadata]
	tenants  map[string]*Connector // by their ids in lower case; nil for an issuer that is one
}

var _ idp.Connector = (*Connector)(nil)

// New returns a Connector. It asks the upstream nothing yet: an upstream that
// is away must not keep a server from starting.
func New(c Config) (*Connector, error) {
	if err := c.defaults(); err != nil {
		return nil, err
	}
	conn := &Connector{config: c}
	conn.metadata = cached[*metadata]{fetch: conn.discover, now: c.Now, fresh: c.MetadataFresh, limit: c.MetadataKept, gap: attemptGap}
	var err error
	conn.tenants, err = perTenant(c)
	return conn, err
}

// Discover fetches the discovery document unless it is known: a check that the
// upstream is there and is who it should be.
func (c *Connector) Discover(ctx context.Context) error {
	_, err := c.metadata.get(ctx)
	return err
}

// Begin returns the authentication request (OpenID Connect Core section
// 3.1.2.1) as a URL. It fails when login lacks state, nonce or code verifier,
// and with *idp.Error when the upstream cannot be used.
func (c *Connector) Begin(ctx context.Context, login idp.Login) (string, error) {
	if login.State == "" || login.Nonce == "" {
		return "", errors.New("oidc: state and nonce are required")
	}
	if n := len(login.CodeVerifier); n < 43 || n > 128 {
		return "", errors.New("oidc: the code verifier must be 43 to 128 characters")
	}
	m, err := c.metadata.get(ctx)
	if err != nil {
		return "", fmt.Errorf("beginning sign-in at %s: %w", c.config.ID, err)
	}
	request := oauth2.Config{
		ClientID: c.config.ClientID, RedirectURL: c.config.RedirectURI, Scopes: c.config.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: m.AuthURL},
	}
	login.ACRValues = c.config.MFA.Asked(login.ACRValues)
	return request.AuthCodeURL(login.State, append(c.requested(), options(login)...)...), nil
}

// requested are the connection's own parameters. What the protocol or the
// client asks for comes after them and rules.
func (c *Connector) requested() []oauth2.AuthCodeOption {
	var opts []oauth2.AuthCodeOption
	for name, value := range c.config.Request {
		switch name {
		case "client_id", "response_type", "response_mode", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "request", "request_uri":
			continue // these are what the answer is held against
		}
		opts = append(opts, oauth2.SetAuthURLParam(name, value))
	}
	return opts
}

// options are the parameters beyond those of plain OAuth 2.0.
func options(login idp.Login) []oauth2.AuthCodeOption {
	opts := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(login.CodeVerifier)}
	set := func(name, value string) {
		if value != "" {
			opts = append(opts, oauth2.SetAuthURLParam(name, value))
		}
	}
	set("nonce", login.Nonce)
	set("prompt", login.Prompt)
	set("acr_values", strings.Join(login.ACRValues, " "))
	set("ui_locales", strings.Join(login.UILocales, " "))
	if len(login.LoginHint) <= maxHint {
		set("login_hint", login.LoginHint)
	}
	if login.MaxAge != nil {
		set("max_age", strconv.FormatInt(int64(*login.MaxAge/time.Second), 10))
	}
	return opts
}

// Finish checks the callback, exchanges its code and returns who signed in. It
// takes 10 seconds at most. Every failure is an *idp.Error.
func (c *Connector) Finish(ctx context.Context, callback idp.Callback) (idp.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	identity, err := c.finish(ctx, callback)
	if err != nil {
		return idp.Identity{}, fmt.Errorf("finishing sign-in at %s: %w", c.config.ID, err)
	}
	return identity, nil
}

func (c *Connector) finish(ctx context.Context, callback idp.Callback) (idp.Identity, error) {
	params, err := parseCallback(callback, c.speaks)
	if err != nil {
		return idp.Identity{}, err
	}
	m, err := c.metadata.get(ctx)
	if err != nil {
		return idp.Identity{}, err
	}
	code, err := params.code(m.IssInResponse)
	if err != nil {
		return idp.Identity{}, err
	}
	tokens, err := c.exchange(ctx, m, code, callback.CodeVerifier)
	if err != nil {
		return idp.Identity{}, err
	}
	of, theirs, err := c.believing(ctx, tokens.IDToken, m)
	if err != nil {
		return idp.Identity{}, err
	}
	claims, err := of.verify(ctx, theirs, tokens, callback)
	if err != nil {
		return idp.Identity{}, err
	}
	more, err := c.userInfo(ctx, m, tokens, claims)
	if err != nil {
		return idp.Identity{}, err
	}
	identity, err := of.identity(claims, more)
	if c.config.KeepRefreshToken && len(tokens.RefreshToken) <= maxRefreshToken {
		identity.RefreshToken = idp.RefreshToken(tokens.RefreshToken)
	}
	if err == nil && callback.Tell {
		identity.Told = more.values()
		maps.Copy(identity.Told, claims.values()) // the signed ones rule
	}
	return identity, err
}

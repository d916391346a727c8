package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// logoutLife is how long a logout token is good: OpenID Connect Back-Channel
// Logout section 2.4 recommends two minutes at most.
const logoutLife = 2 * time.Minute

// backchannelEvent is the one member of a logout token's events.
const backchannelEvent = "http://schemas.openid.net/event/backchannel-logout"

// Clients finds clients by their id.
type Clients interface {
	GetClientAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.ClientID) (authz.Client, error)
}

// Signer signs compact JWS (authz/jwks).
type Signer interface {
	Sign(ctx context.Context, alg, typ string, claims any) (string, error)
}

// LogoutConfig is what a LogoutSink needs; everything is required.
type LogoutConfig struct {
	Issuer authz.IssuerName
	// URL is the issuer identifier, the iss of logout tokens.
	URL     string
	Clients Clients
	Signer  Signer
	// SubjectFor is the sub by which a client knows a person today.
	SubjectFor func(authz.Client, authz.UserID) string
	// HTTP must refuse addresses nobody may reach from here (idp/outbound).
	// Redirects are not followed, whatever it says.
	HTTP  *http.Client
	Clock authz.Clock
}

// LogoutSink tells one client of one issuer that a session has ended (OpenID
// Connect Back-Channel Logout 1.0). The data of its events is an authz.Logout.
type LogoutSink struct {
	cfg  LogoutConfig
	http http.Client
}

// NewLogoutSink returns the sink, or says what its configuration lacks.
func NewLogoutSink(cfg LogoutConfig) (*LogoutSink, error) {
	if cfg.Issuer == "" || cfg.URL == "" || cfg.Clients == nil || cfg.Signer == nil || cfg.SubjectFor == nil || cfg.HTTP == nil || cfg.Clock == nil {
		return nil, errors.New("event: every field of LogoutConfig is required")
	}
	s := &LogoutSink{cfg: cfg, http: *cfg.HTTP}
	s.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return s, nil
}

// LogoutSinkName is the name of an issuer's logout sink.
func LogoutSinkName(issuer authz.IssuerName) string { return "backchannel-logout/" + string(issuer) }

// Name returns the sink's name.
func (s *LogoutSink) Name() string { return LogoutSinkName(s.cfg.Issuer) }

// Deliver signs a logout token, of this moment and no earlier, and posts it to
// where the client is registered now. A client that is gone or no longer wants
// to hear has nothing left to be told. What the client refuses (400) stays
// refused; anything else is tried again.
func (s *LogoutSink) Deliver(ctx context.Context, e authz.Event) error {
	var body struct {
		Data authz.Logout `json:"data"`
	}
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return &Failure{Permanent: true, Err: fmt.Errorf("reading a logout: %w", err)}
	}
	client, err := s.cfg.Clients.GetClientAcrossWorkspaces(ctx, s.cfg.Issuer, body.Data.ClientID)
	if errors.Is(err, authz.ErrNotFound) || err == nil && (client.State != authz.Active || client.Metadata.BackchannelLogoutURI == "") {
		return nil
	}
	if err != nil {
		return fmt.Errorf("finding the client of a logout: %w", err)
	}
	token, err := s.token(ctx, client, body.Data)
	if err != nil {
		return fmt.Errorf("signing a logout token: %w", err)
	}
	return s.post(ctx, client.Metadata.BackchannelLogoutURI, token)
}

// token is a logout token (section 2.4): it has no nonce, so that nobody can
// take it for an ID token.
func (s *LogoutSink) token(ctx context.Context, c authz.Client, l authz.Logout) (string, error) {
	alg, now := c.IDTokenAlgorithm, s.cfg.Clock.Now()
	if alg == "" {
		alg = "RS256"
	}
	claims := map[string]any{
		"iss": s.cfg.URL, "aud": string(l.ClientID), "sub": l.Subject, "sid": string(l.SID), "jti": authz.NewID("jti"),
		"iat": now.Unix(), "exp": now.Add(logoutLife).Unix(), "events": map[string]any{backchannelEvent: struct{}{}},
	}
	if c.Metadata.Registration != "" && s.cfg.SubjectFor(c, l.UserID) != l.Subject {
		delete(claims, "sub") // of another sector, whose redirect URIs the client took back; sid is enough (section 2.4)
	}
	return s.cfg.Signer.Sign(ctx, alg, "logout+jwt", claims)
}

func (s *LogoutSink) post(ctx context.Context, target, token string) error {
	form := url.Values{"logout_token": {token}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return &Failure{Permanent: true, Err: errors.New("building the request failed")}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "Gatehouse-Logout/1")
	resp, err := s.http.Do(req)
	if err != nil {
		return unquoted(err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	err = judge(resp, s.cfg.Clock.Now())
	if resp.StatusCode == http.StatusBadRequest {
		return &Failure{Permanent: true, Err: err}
	}
	return err
}

package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Upstreams verifies what issuers of the configuration signed (idp/oidc).
type Upstreams interface {
	// Verify returns the payload of a compact JWS that a key of the issuer
	// signed; an error of kind Unavailable says that no keys could be had.
	Verify(ctx context.Context, issuer, compact string) ([]byte, error)
}

// Workload maps tokens of an upstream issuer, such as those a CI runner gets
// for its jobs, to a service account. There is no secret in it.
type Workload struct {
	Name string // for the audit trail
	// Issuer is the upstream's identifier, the iss of its tokens.
	Issuer string
	// Audience the tokens must have, alone: the URL of this issuer or of its
	// token endpoint.
	Audience string
	// Claims that a token must have: exact texts, and for sub a pattern in
	// which * stands for one whole segment between slashes or colons.
	Claims map[string]string

	WorkspaceID      authz.WorkspaceID
	AccountID        authz.AccountID
	ServiceAccountID authz.ServiceAccountID
	Environment      authz.Environment
	Scopes           []string
	// Resources it may ask for; empty means the API.
	Resources []string
	// TTL bounds the life of what is issued; the token's own end does too.
	TTL time.Duration
}

// How long a workload's token may have left to live: one that cannot be told
// from its replay, and any other.
const (
	maxReplayable   = time.Hour
	maxWorkloadLife = 24 * time.Hour
	workloadLeeway  = time.Minute
)

// subjectWorkload exchanges the token of a workload. The signature is asked for
// only once a rule knows the issuer: strangers choose no address to fetch from.
func (s *Server) subjectWorkload(ctx context.Context, u *unit, in Request) (subject, error) {
	text := in.Form.Get("subject_token")
	claims, err := unverified(text)
	if err != nil {
		return subject{}, err
	}
	issuer, _ := claims["iss"].(string)
	if !slices.ContainsFunc(s.settings.Workloads, func(w Workload) bool { return w.Issuer == issuer }) {
		return subject{}, refuse("issuer")
	}
	payload, err := s.cfg.Upstreams.Verify(ctx, issuer, text)
	if authz.KindOf(err) == authz.Unavailable {
		return subject{}, errUnavailable.Because(err)
	}
	if err != nil {
		return subject{}, refuse("signature")
	}
	if claims, err = parseClaims(payload); err != nil {
		return subject{}, err
	}
	end, err := s.workloadEnd(claims)
	if err != nil {
		return subject{}, err
	}
	for _, w := range s.settings.Workloads {
		if claims["iss"] == w.Issuer && w.matches(claims) && w.named(u.client, in.Form.Get("client_id")) {
			return s.workloadSubject(u, w, claims, end)
		}
	}
	return subject{}, refuse("no_rule")
}

// named reports whether a workload without a client names the account the rule
// is about, or none.
func (w Workload) named(view *clientView, id string) bool {
	return view.id != "" || id == "" || id == string(w.ServiceAccountID)
}

func (s *Server) workloadSubject(u *unit, w Workload, claims map[string]any, end time.Time) (subject, error) {
	if u.client.id == "" {
		u.client.id, u.client.scopes, u.client.accountID = string(w.ServiceAccountID), w.Scopes, w.AccountID
		u.client.client = authz.Client{WorkspaceID: w.WorkspaceID, Environment: w.Environment}
		if s.cfg.Allow != nil {
			if err := s.cfg.Allow(u.client.id); err != nil {
				return subject{}, err
			}
		}
	}
	sub := subject{workload: w.Name, endsAt: end, grant: authz.Grant{
		WorkspaceID: w.WorkspaceID, AccountID: w.AccountID, ServiceAccountID: w.ServiceAccountID, Subject: string(w.ServiceAccountID),
		Environment: w.Environment, Scopes: w.Scopes, Audience: w.Resources,
	}}
	if len(w.Resources) == 0 {
		sub.grant.Audience = s.audience()
	}
	if w.TTL > 0 {
		sub.until = s.clock.Now().Add(w.TTL)
	}
	sub.upstream, _ = claims["sub"].(string)
	if id, _ := claims["jti"].(string); id != "" {
		digest := authz.Digest("workload\x00" + string(s.settings.Name) + "\x00" + w.Issuer + "\x00" + id)
		sub.once = &digest
	}
	if named, there := claims["may_act"]; there {
		raw, _ := json.Marshal(named) // it was parsed from JSON
		sub.mayAct = new(party)
		if json.Unmarshal(raw, sub.mayAct) != nil || sub.mayAct.Subject == "" {
			return subject{}, refuse("may_act")
		}
	}
	return sub, nil
}

// unverified reads the claims of a token nobody has looked at, to learn who
// claims to have issued it.
func unverified(text string) (map[string]any, error) {
	if !looksLikeJWT(text) {
		return nil, refuse("no_jwt")
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(strings.Split(text, ".")[1])
	if err != nil {
		return nil, refuse("no_jwt")
	}
	return parseClaims(payload)
}

// parseClaims reads a JSON object that every reader takes for the same.
func parseClaims(payload []byte) (map[string]any, error) {
	d := json.NewDecoder(strings.NewReader(string(payload)))
	d.UseNumber()
	value, err := parseJSON(d, 1)
	if err != nil {
		return nil, refuse("claims")
	}
	claims, ok := value.(map[string]any)
	if _, err := d.Token(); !ok || !errors.Is(err, io.EOF) {
		return nil, refuse("claims")
	}
	return claims, nil
}

// workloadEnd checks the times of a token (RFC 7519 section 4.1) and returns
// its end.
func (s *Server) workloadEnd(claims map[string]any) (time.Time, error) {
	now := s.clock.Now()
	end, ok := numericDate(claims["exp"])
	if !ok || !now.Before(end) {
		return end, refuse("expired")
	}
	for _, name := range []string{"iat", "nbf"} {
		value, there := claims[name]
		at, ok := numericDate(value)
		if there && (!ok || now.Add(workloadLeeway).Before(at)) {
			return end, refuse(name)
		}
	}
	id, hasID := claims["jti"]
	text, isText := id.(string)
	if hasID && (!isText || text == "" || len(text) > 255) {
		return end, refuse("jti")
	}
	longest := maxWorkloadLife
	if !hasID {
		longest = maxReplayable
	}
	if end.Sub(now) > longest {
		return end, refuse("lives_too_long")
	}
	return end, nil
}

func numericDate(value any) (time.Time, bool) {
	number, ok := value.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	seconds, err := number.Float64()
	const year10000 = 253402300800
	if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds >= year10000 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0).UTC(), true
}

// matches reports whether a token is for us alone and has every claim asked for.
func (w Workload) matches(claims map[string]any) bool {
	if !onlyAudience(claims["aud"], w.Audience) || len(w.Claims) == 0 {
		return false
	}
	for name, want := range w.Claims {
		got, ok := claims[name].(string)
		if !ok || got == "" || name != "sub" && got != want || name == "sub" && !matchesSubject(want, got) {
			return false
		}
	}
	return true
}

func onlyAudience(aud any, want string) bool {
	if list, ok := aud.([]any); ok && len(list) == 1 {
		aud = list[0]
	}
	return want != "" && aud == want
}

// matchesSubject compares segment by segment: slashes and colons must be where
// the pattern has them, and * stands for one segment that is not empty.
func matchesSubject(pattern, subject string) bool {
	for {
		want, restOfPattern, delimiter := segment(pattern)
		got, rest, same := segment(subject)
		if delimiter != same || want != got && (want != "*" || got == "") {
			return false
		}
		if delimiter == 0 {
			return true
		}
		pattern, subject = restOfPattern, rest
	}
}

// segment cuts a text at its first slash or colon, which it returns; 0 at the end.
func segment(text string) (first, rest string, delimiter byte) {
	i := strings.IndexAny(text, "/:")
	if i < 0 {
		return text, "", 0
	}
	return text[:i], text[i+1:], text[i]
}

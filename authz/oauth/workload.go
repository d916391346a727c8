package oauth

import (
	"context"
	"encoding/json"
	"slices"
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
	if sub.upstream, _ = claims["sub"].(string); len(sub.upstream) > maxUpstreamName {
		return subject{}, refuse("sub")
	}
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

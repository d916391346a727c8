package oauth

import (
	"context"
	"errors"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Ask asks conditional access what of a request a signed-in person may allow.
// Nothing is recorded: Approve asks again and records, and so does Withhold.
func (s *Server) Ask(ctx context.Context, req *AuthorizationRequest, a Approval) (authz.AccessDecision, error) {
	asked := union(a.Scopes, req.claimScopes())
	d, err := s.decide(ctx, authz.AccessRequest{
		Place: authz.AtAuthorize, Grant: s.grantOf(req, a), GrantType: req.grantType(), Scopes: asked,
	})
	left := func(scope string) bool { return slices.Contains(d.Scopes, scope) }
	if err == nil && d.Refusal == nil && len(a.Scopes) > 0 && !slices.ContainsFunc(a.Scopes, left) {
		d.Refusal = errInvalidScope // what is left are claims alone
	}
	return d, err
}

// Foresee tells what conditional access is going to ask of a person's sign-in
// by the connection, as far as that can be known before anybody signed in: the
// zero rule for nothing.
func (s *Server) Foresee(ctx context.Context, req *AuthorizationRequest, c authz.Connection) (authz.AuthenticationRule, error) {
	nobody := s.grantOf(req, Approval{Session: authz.Session{WorkspaceID: c.WorkspaceID, ConnectionID: c.ID}})
	d, err := s.decide(ctx, authz.AccessRequest{
		Place: authz.AtAuthorize, Grant: nobody, GrantType: req.grantType(), Scopes: union(req.Scopes, req.claimScopes()), Foreseen: true,
	})
	if err != nil || d.Refusal == nil || d.Refusal.Rule == nil {
		return authz.AuthenticationRule{}, err
	}
	return *d.Refusal.Rule, nil
}

// Withhold records that conditional access refused a request, and returns the
// error that tells the client, or the person in front of a device.
func (s *Server) Withhold(ctx context.Context, req *AuthorizationRequest, d authz.AccessDecision, told *authz.Error) error {
	entry := authz.AuditEntry{
		Issuer: s.settings.Name, Time: s.clock.Now(), Type: "authorization.refused", Result: authz.Refused, Reason: d.Refusal.Code,
		Actor: string(req.Client.ID),
	}.From(authz.OriginFrom(ctx))
	decided(&entry, d.Record)
	if d.Record != nil {
		entry.Target = d.Record.Subject
	}
	err := s.store.InTx(ctx, func(ctx context.Context) error {
		if err := s.recordDecision(ctx, d.Record); err != nil {
			return err
		}
		if req.Device != nil {
			if err := s.DenyDevice(ctx, req); err != nil {
				return err
			}
		}
		return s.store.AppendAudit(ctx, entry)
	})
	switch {
	case errors.Is(err, authz.ErrConsumed):
		return errDeviceOver
	case err != nil:
		return unavailable(err)
	case req.Device != nil:
		return told
	}
	return s.Refuse(ctx, req, told)
}

// Narrow leaves the request those of its scopes that conditional access allows,
// and takes away the claims that are covered by others.
func (r *AuthorizationRequest) Narrow(allowed []string) {
	taken := func(scope string) bool { return !slices.Contains(allowed, scope) }
	for _, wishes := range []map[string]*claimWish{r.claims.Userinfo, r.claims.IDToken} {
		for name := range wishes {
			if scope := scopeOf(name); taken(scope) {
				delete(wishes, name)
			}
		}
	}
	r.Scopes = slices.DeleteFunc(slices.Clone(r.Scopes), taken)
}

// claimScopes are the scopes that cover claims asked for by name: what a policy
// takes is not to be had by another parameter.
func (r *AuthorizationRequest) claimScopes() []string {
	var scopes []string
	for _, wishes := range []map[string]*claimWish{r.claims.Userinfo, r.claims.IDToken} {
		for name := range wishes {
			scopes = append(scopes, scopeOf(name))
		}
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

func (r *AuthorizationRequest) grantType() string {
	if r.Device != nil {
		return authz.GrantDeviceCode
	}
	return authz.GrantAuthorizationCode
}

// permit asks once more about what was approved, and leaves of it what may be
// granted now. A refusal is recorded.
func (s *Server) permit(ctx context.Context, req *AuthorizationRequest, a Approval) (Approval, error) {
	d, err := s.Ask(ctx, req, a)
	if err != nil {
		return a, err
	}
	if d.Refusal != nil {
		if d.Refusal.Rule != nil {
			return a, s.Withhold(ctx, req, d, errUnmet)
		}
		return a, s.Withhold(ctx, req, d, d.Refusal)
	}
	req.Narrow(d.Scopes)
	a.Scopes = slices.DeleteFunc(slices.Clone(a.Scopes), func(scope string) bool { return !slices.Contains(d.Scopes, scope) })
	a.decision, a.refreshTTL = d.Record, d.RefreshTTL
	return a, nil
}

// errUnmet is that of OpenID Connect Core Error Code
// unmet_authentication_requirements 1.0.
var errUnmet = fault(authz.Forbidden, "unmet_authentication_requirements", "The sign-in does not reach what the workspace's policy asks for.")

func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

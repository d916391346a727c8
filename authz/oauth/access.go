package oauth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Access is conditional access (authz/access): it says what may be issued, and
// fails where nobody knows.
type Access interface {
	Decide(ctx context.Context, r authz.AccessRequest) (authz.AccessDecision, error)
}

// decide asks conditional access. Whatever it answers, nothing is ever wider
// than what was asked for.
func (s *Server) decide(ctx context.Context, r authz.AccessRequest) (authz.AccessDecision, error) {
	if r.Grant.UserID == "" && !r.Foreseen {
		if err := authz.AutomationMayHold(r.Scopes, nil); err != nil {
			return authz.AccessDecision{}, err
		}
	}
	if s.cfg.Access == nil {
		return authz.AccessDecision{Scopes: r.Scopes}, nil
	}
	d, err := s.cfg.Access.Decide(ctx, r)
	if err != nil {
		return d, unavailable(err)
	}
	wider := func(scope string) bool { return !slices.Contains(r.Scopes, scope) }
	if slices.ContainsFunc(d.Scopes, wider) || d.AccessTTL < 0 || d.RefreshTTL < 0 {
		return d, fault(authz.Internal, "server_error", "Something went wrong on our side.").Because(errors.New("oauth: conditional access allowed more than was asked for"))
	}
	return d, nil
}

// condition asks conditional access about tokens that are about to be made of
// a code, a device code, a refresh token or a client's own grant. What it takes
// is taken from these tokens: the grant, and so the next refresh, is asked about
// anew.
func (s *Server) condition(ctx context.Context, u *unit, req fosite.AccessRequester) error {
	scopes := []string(req.GetGrantedScopes())
	if u.code != nil { // fosite grants a code's scopes later
		scopes = u.code.Scopes
	}
	d, err := s.decideTokens(ctx, u, scopes)
	if err != nil {
		return err
	}
	u.decision, u.accessTTL = d.Record, d.AccessTTL
	if d.Refusal != nil {
		return toldAtToken(d.Refusal)
	}
	if d.RefreshTTL > 0 {
		u.refreshEnd = u.grant.CreatedAt.Add(d.RefreshTTL)
	}
	if u.refresh != nil && u.refreshOver(s.clock.Now()) {
		return errInvalidGrant
	}
	if u.code != nil {
		u.code.Scopes = d.Scopes
	}
	if r, ok := req.(*fosite.AccessRequest); ok {
		r.GrantedScope = d.Scopes
	}
	return nil
}

func (s *Server) decideTokens(ctx context.Context, u *unit, scopes []string) (authz.AccessDecision, error) {
	r := authz.AccessRequest{Place: authz.AtToken, Grant: u.grant, GrantType: u.grant.Type, Scopes: scopes}
	if u.refresh != nil {
		r.Place, r.GrantType = authz.AtRefresh, authz.GrantRefreshToken
	}
	return s.decide(ctx, r)
}

// refreshOver reports whether a bound of conditional access has ended the
// grant's refresh tokens.
func (u *unit) refreshOver(now time.Time) bool {
	return !u.refreshEnd.IsZero() && !now.Before(u.refreshEnd)
}

// conditionExchange asks about a token that is about to be exchanged.
func (s *Server) conditionExchange(ctx context.Context, u *unit, sub *subject) error {
	d, err := s.decide(ctx, authz.AccessRequest{
		Place: authz.AtExchange, Grant: sub.grant, GrantType: authz.GrantTokenExchange, Scopes: sub.grant.Scopes,
	})
	if err != nil {
		return err
	}
	u.decision, u.accessTTL = d.Record, d.AccessTTL
	if d.Refusal != nil {
		return toldAtToken(d.Refusal)
	}
	sub.grant.Scopes = d.Scopes
	return nil
}

// conditionReplay asks about a pair that was issued a moment ago and is to be
// given out again: to somebody who might be elsewhere, or after the rules
// changed. It is the same pair or none.
func (s *Server) conditionReplay(ctx context.Context, u *unit, kept sealedResponse) error {
	scopes, err := narrow(nil, u.refresh.Scopes, u.client.scopes)
	if err != nil {
		return err
	}
	d, err := s.decideTokens(ctx, u, scopes)
	if err != nil {
		return err
	}
	u.decision = d.Record
	if d.Refusal != nil {
		return toldAtToken(d.Refusal)
	}
	now := s.clock.Now()
	taken := func(scope string) bool { return !slices.Contains(d.Scopes, scope) }
	if slices.ContainsFunc(strings.Fields(kept.Scope), taken) {
		return errInvalidScope
	}
	longer := d.AccessTTL > 0 && time.Unix(kept.Exp, 0).Sub(now) > d.AccessTTL
	if longer || d.RefreshTTL > 0 && !now.Before(u.grant.CreatedAt.Add(d.RefreshTTL)) {
		return errInvalidGrant
	}
	return nil
}

// toldAtToken is a refusal as the token endpoint tells it (RFC 6749 section
// 5.2): the client proved itself, the request is what is wrong.
func toldAtToken(e *authz.Error) *authz.Error {
	told := *e
	if told.Kind == authz.Forbidden || told.Kind == authz.Unauthenticated {
		told.Kind = authz.Invalid
	}
	return &told
}

// decided notes a decision with what was decided on, in its audit entry.
func decided(entry *authz.AuditEntry, d *authz.PolicyDecision) {
	if d == nil {
		return
	}
	if entry.Details == nil {
		entry.Details = map[string]any{}
	}
	entry.Details["decision"] = d.ID
	entry.WorkspaceID = d.WorkspaceID
}

// auditGrant writes the audit entry of a grant and what conditional access said
// to it.
func (s *Server) auditGrant(ctx context.Context, entry authz.AuditEntry, g authz.Grant, a Approval) error {
	if a.decision != nil {
		said := *a.decision
		said.GrantID = g.ID
		if err := s.recordDecision(ctx, &said); err != nil {
			return err
		}
	}
	decided(&entry, a.decision)
	return s.store.AppendAudit(ctx, entry)
}

// recordDecision keeps a decision in the context's transaction.
func (s *Server) recordDecision(ctx context.Context, d *authz.PolicyDecision) error {
	if d == nil {
		return nil
	}
	return s.store.RecordDecision(ctx, *d)
}

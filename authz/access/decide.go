package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/policy"
)

// Decide asks the rules in force what may be issued. Where none are it allows
// what is asked for, and nothing is recorded. An error means that nobody knows:
// nothing may be issued then.
func (a *Access) Decide(ctx context.Context, r authz.AccessRequest) (authz.AccessDecision, error) {
	r.Scopes = unprovenLeft(r.Grant.SignIn, r.Scopes)
	rules, err := a.rulesFor(ctx, r.Grant.WorkspaceID)
	if err != nil {
		return authz.AccessDecision{}, fmt.Errorf("reading the rules of conditional access: %w", err)
	}
	if rules.nothing {
		return authz.AccessDecision{Scopes: r.Scopes}, nil
	}
	facts, err := a.facts(ctx, r, rules.set)
	if err != nil {
		return authz.AccessDecision{}, err
	}
	request := policy.Request{ID: policy.NewID(), Facts: facts, Scopes: r.Scopes}
	said := rules.set.Evaluate(request)
	decision := authz.AccessDecision{
		ID: said.ID, Scopes: said.Scopes, AccessTTL: policy.Seconds(said.AccessTTL), RefreshTTL: policy.Seconds(said.RefreshTTL), Refusal: refusal(r, said),
	}
	if r.Foreseen {
		return decision, nil
	}
	decision.Record, err = a.record(r, rules, request, said)
	return decision, err
}

// unprovenLeft takes away what administers where a fallback stood in for the
// usual side and the person proved no factor of ours: an outage, or who brings
// one about, makes nobody an administrator. No rule gives it back.
func unprovenLeft(s authz.SignIn, scopes []string) []string {
	if !s.Fallback || s.Local != "" {
		return scopes
	}
	return slices.DeleteFunc(slices.Clone(scopes), func(name string) bool { return strings.HasPrefix(name, "admin:") })
}

// refusal is the error of a decision. A machine cannot sign in: it is told no.
func refusal(r authz.AccessRequest, said policy.Decision) *authz.Error {
	if said.Allows() {
		return nil
	}
	if said.Outcome == policy.SteppedUp && r.Grant.UserID == "" && !r.Foreseen {
		said.Outcome = policy.Denied
	}
	e, ok := errors.AsType[*authz.Error](said.Err())
	if !ok {
		return authz.NewError(authz.Internal, "server_error", "Something went wrong on our side.")
	}
	told := *e
	told.Description += " Decision " + said.ID + "."
	return &told
}

// facts gathers what is known. What is not stays unknown, and counts against
// whoever asks (authz/policy).
func (a *Access) facts(ctx context.Context, r authz.AccessRequest, set *policy.Set) (policy.Facts, error) {
	g := r.Grant
	f := policy.Facts{
		At: a.cfg.Clock.Now(), Client: g.ClientID, Grant: r.GrantType, Groups: g.SignIn.Groups, GroupsUnknown: g.SignIn.GroupsUnknown || r.Foreseen && g.UserID == "",
		MFA: policy.Evidence(g.SignIn.MFA), MFAAt: g.SignIn.MFAAt, AuthTime: g.AuthTime, ACR: g.ACR, Connection: g.ConnectionID,
		FallbackInUse: g.SignIn.Fallback, Environment: g.Environment,
	}
	if g.SignIn.ACR != "" {
		f.ACR = g.SignIn.ACR
	}
	if address, err := netip.ParseAddr(authz.OriginFrom(ctx).IP); err == nil {
		f.Address = address.Unmap().WithZone("")
		f.Region = a.cfg.Regions.Of(f.Address)
	}
	if a.cfg.Risk != nil {
		f.Risk = a.cfg.Risk(ctx, r)
	}
	if !set.AsksForRoles() {
		return f, nil
	}
	var err error
	f.Roles, err = a.rolesOf(ctx, g)
	return f, err
}

// record is what is kept of a decision: the facts, and the rules that matched.
// What the others looked at is found out again when somebody asks.
func (a *Access) record(r authz.AccessRequest, rules asked, request policy.Request, said policy.Decision) (*authz.PolicyDecision, error) {
	asked, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("recording a decision: %w", err)
	}
	result, err := json.Marshal(said.Matched(maxMatched))
	if err != nil {
		return nil, fmt.Errorf("recording a decision: %w", err)
	}
	at := request.Facts.At
	return &authz.PolicyDecision{
		ID: said.ID, Issuer: a.cfg.Issuer, WorkspaceID: r.Grant.WorkspaceID, Time: at, Place: r.Place, Outcome: string(said.Outcome),
		Changed: said.Restricts(), ClientID: r.Grant.ClientID, Subject: r.Grant.Holder(), GrantID: r.Grant.ID,
		OperatorVersion: rules.operatorVersion, Version: rules.version, Request: asked, Result: result, ExpiresAt: at.Add(a.cfg.Retention),
	}, nil
}

// maxMatched bounds the rules that are recorded with a decision, in number.
const maxMatched = 20

package connection

import (
	"context"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// explainStore is what an explanation reads.
type explainStore interface {
	ConnectionByDomainAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, domain string) (authz.Connection, error)
	FallbackOf(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, c authz.ConnectionID) (authz.Override, authz.Circuit, error)
	MembersWithEmail(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, email string, limit int) ([]authz.UserID, error)
	ListIdentities(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, limit int) ([]authz.UpstreamIdentity, error)
}

// scopeMembers allows to know who is a member (authz/admin).
const scopeMembers = "manage:members"

// Home says how the connections that somebody may sign in by are found.
type Home string

// The ways.
const (
	HomeDomain  Home = "domain"         // the domain of their address is one connection's
	HomeOnly    Home = "only_active"    // the workspace has one in use
	HomeChooser Home = "chooser"        // it has several: they choose
	HomeNone    Home = "no_connections" // it has none in use
)

// Outcome is what becomes of somebody who comes back from an upstream.
type Outcome string

// The outcomes.
const (
	OutcomeKnown   Outcome = "known"   // the member with this address is known by that side
	OutcomeJoins   Outcome = "joins"   // they become a member
	OutcomeInvited Outcome = "invited" // by an invitation only
	OutcomeRefused Outcome = "refused"
)

// Explanation is what would happen to somebody with an address at a client of
// the workspace.
type Explanation struct {
	Email, Domain string
	Home          Home
	// Unused is the connection of this workspace whose the domain is, where it is
	// not in use.
	Unused authz.ConnectionID
	// Ways are the connections they could sign in by, at most 100.
	Ways []Way
}

// Way is one connection, and what would happen there.
type Way struct {
	Connection authz.Connection
	Side       authz.Side
	// Because is why that side: only_side, route, override, circuit or usual.
	Because string
	// Route is the one that leads there; nil for none.
	Route *authz.Route
	// Ask says that they are told of the outage first.
	Ask           bool
	OverrideUntil time.Time // zero for no override
	// CircuitOpen says that the OpenID provider did not answer us lately.
	CircuitOpen bool

	Outcome Outcome
	// Reason is that of the audit entry, where they would be refused.
	Reason string
	// Words say why, plainly.
	Words string
	// User is the member with this address, if that side knows them.
	User authz.UserID

	// Rule is what conditional access asks of the sign-in; nil for nothing.
	Rule *authz.AuthenticationRule
	// Denied is its refusal, which no sign-in mends; empty for none.
	Denied string
}

// Explain says what would happen if somebody with the address signed in at a
// client of the workspace now. It asks nobody and changes nothing. It takes the
// right to see members, too: it tells of one.
func (s *Connections) Explain(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, email string) (Explanation, error) {
	if err := may(by, ws); err != nil {
		return Explanation{}, err
	}
	if err := by.May(scopeMembers, ws); err != nil {
		return Explanation{}, err
	}
	e := Explanation{Email: email, Domain: authz.EmailDomain(email)}
	if e.Domain == "" {
		return e, invalid("email", "must be an e-mail address")
	}
	found, err := s.home(ctx, ws, &e)
	if err != nil {
		return e, err
	}
	members, err := s.cfg.Store.MembersWithEmail(ctx, s.cfg.Issuer, ws, email, maxMembers)
	if err != nil {
		return e, err
	}
	for _, c := range found {
		way, err := s.way(ctx, c, email, members)
		if err != nil {
			return e, err
		}
		e.Ways = append(e.Ways, way)
	}
	return e, nil
}

// maxMembers is how many members with one address are looked at.
const maxMembers = 5

// home finds the connections as a sign-in does.
func (s *Connections) home(ctx context.Context, ws authz.WorkspaceID, e *Explanation) ([]authz.Connection, error) {
	c, err := s.cfg.Store.ConnectionByDomainAcrossWorkspaces(ctx, s.cfg.Issuer, e.Domain)
	if err != nil && !errors.Is(err, authz.ErrNotFound) {
		return nil, err
	}
	if err == nil && c.WorkspaceID == ws { // another's is nobody's here
		if c.State == authz.Active {
			e.Home = HomeDomain
			return []authz.Connection{c}, nil
		}
		e.Unused = c.ID
	}
	all, err := s.cfg.Store.ListConnections(ctx, s.cfg.Issuer, ws)
	if err != nil {
		return nil, err
	}
	var active []authz.Connection
	for _, c := range all {
		if c.State == authz.Active && len(active) < maxConnections {
			active = append(active, c)
		}
	}
	switch len(active) {
	case 0:
		e.Home = HomeNone
	case 1:
		e.Home = HomeOnly
	default:
		e.Home = HomeChooser
	}
	return active, nil
}

func (s *Connections) way(ctx context.Context, c authz.Connection, email string, members []authz.UserID) (Way, error) {
	held, err := s.held(ctx, c, members)
	if err != nil {
		return Way{}, err
	}
	visitor := authz.Visitor{Email: email}
	for _, theirs := range held {
		visitor.Groups = append(visitor.Groups, authz.GroupsAt(c.ID, theirs, s.cfg.Clock.Now())...)
	}
	side, reason, ask, err := s.cfg.Choose(ctx, c, visitor)
	if err != nil {
		return Way{}, err
	}
	w := Way{Connection: c, Side: side, Ask: ask}
	if route, ok := c.Fallback.RouteOf(visitor); ok && route.Use == side && c.Uses(authz.OIDCSide) && c.Uses(authz.SAMLSide) {
		w.Route = &route
	}
	if err := s.because(ctx, &w, reason); err != nil {
		return w, err
	}
	w.becomes(reason, email, held)
	decision, err := s.cfg.Decide(authz.WithOrigin(ctx, authz.Origin{}), authz.AccessRequest{
		Place: authz.AtAuthorize, GrantType: authz.GrantAuthorizationCode, Foreseen: true,
		Grant: authz.Grant{
			Issuer: s.cfg.Issuer, WorkspaceID: c.WorkspaceID, ConnectionID: c.ID, UserID: w.User, Fallback: reason,
			SignIn: authz.SignIn{Fallback: reason.Interim()},
		},
	})
	if err != nil {
		return w, err
	}
	if r := decision.Refusal; r != nil {
		if w.Rule = r.Rule; w.Rule == nil {
			w.Denied = r.Description
		}
	}
	return w, nil
}

// because says why it is that side.
func (s *Connections) because(ctx context.Context, w *Way, reason authz.FallbackReason) error {
	c := w.Connection
	if !c.Uses(authz.OIDCSide) || !c.Uses(authz.SAMLSide) {
		w.Because = "only_side"
		return nil
	}
	override, circuit, err := s.cfg.Store.FallbackOf(ctx, c.Issuer, c.WorkspaceID, c.ID)
	if err != nil {
		return err
	}
	if w.CircuitOpen = circuit.Open(); override.ActiveAt(s.cfg.Clock.Now()) {
		w.OverrideUntil = override.Until
	}
	switch reason {
	case authz.FallbackRoute:
		w.Because = "route"
	case authz.FallbackForced:
		w.Because = "override"
	case authz.FallbackHealth:
		w.Because = "circuit"
	default:
		w.Because = "usual"
	}
	return nil
}

// held are what the connections of the workspace call each of the members.
func (s *Connections) held(ctx context.Context, c authz.Connection, members []authz.UserID) (map[authz.UserID][]authz.UpstreamIdentity, error) {
	all := make(map[authz.UserID][]authz.UpstreamIdentity, len(members))
	for _, id := range members {
		theirs, err := s.cfg.Store.ListIdentities(ctx, s.cfg.Issuer, c.WorkspaceID, id, maxConnections)
		if err != nil {
			return nil, err
		}
		all[id] = theirs
	}
	return all, nil
}

// becomes says what would become of them. An address recognises nobody: who
// they are shows when they come back.
func (w *Way) becomes(fallback authz.FallbackReason, email string, members map[authz.UserID][]authz.UpstreamIdentity) {
	for id, held := range members {
		for _, i := range held {
			if i.ConnectionID == w.Connection.ID && i.Side == w.Side {
				w.User = max(w.User, id)
			}
		}
	}
	refuse := func(reason, words string) { w.Outcome, w.Reason, w.Words = OutcomeRefused, reason, words }
	switch c := w.Connection; {
	case w.User != "":
		w.Outcome, w.Words = OutcomeKnown, "A member with this address is known by this side. If it is them who sign in there, they are that member; it is the side's name for them that counts, not the address."
	case len(members) > 0 && len(c.Fallback.Link.OIDC) > 0:
		refuse("link_conflict", "A member has this address, but this side does not know them yet. They are recognised if the side tells the name that the other side tells (link_key); else they are refused.")
	case len(members) > 0:
		refuse("link_conflict", "A member has this address, but this side does not know them, and an address recognises nobody. Say what this side calls them, or let them join it at /security/link.")
	case fallback.Interim():
		refuse("no_membership", "Nobody new joins while one side stands in for the other.")
	case c.JIT == authz.JITOff:
		refuse("no_membership", "Nobody joins by signing in: jit is off.")
	case c.JIT == authz.JITInvited:
		w.Outcome, w.Words = OutcomeInvited, "They join with an invitation to this address only: jit is invited."
	case !c.Joins(email):
		refuse("no_membership", "The domain is not verified for this connection: nobody joins with it.")
	default:
		w.Outcome, w.Words = OutcomeJoins, "They become a member with the role member, if the side tells this address; an OpenID provider must say that it is verified."
	}
}

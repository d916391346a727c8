package oauth

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/ory/fosite"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Approval is what a signed-in person allowed.
type Approval struct {
	Session   authz.Session
	AccountID authz.AccountID
	// Scopes allowed, a subset of those asked for.
	Scopes []string
	// Remember keeps the consent for next time.
	Remember bool
	// Ancestors are the session and what it stands on, where they were read in the
	// transaction that the approval is a part of; nil has them read.
	Ancestors authz.Lineage
	// decision and refreshTTL are what conditional access said to it.
	decision   *authz.PolicyDecision
	refreshTTL time.Duration
}

var (
	errDenied = fault(authz.Forbidden, "access_denied", "The request was denied.")
	// errNotExpected says that the person is not the one of the id_token_hint
	// or the claims parameter (OpenID Connect Core section 3.1.2.2).
	errNotExpected = fault(authz.Forbidden, "login_required", "The person signed in is not the one the application asked for.")
)

// Deny is the answer when the person says no.
func (s *Server) Deny(ctx context.Context, req *AuthorizationRequest) error {
	return s.Refuse(ctx, req, errDenied)
}

// Approve issues the authorization code: one transaction holds the grant, the
// code, the remembered consent, the end of the stored request, and the audit
// entry.
func (s *Server) Approve(ctx context.Context, req *AuthorizationRequest, a Approval) (Redirect, error) {
	if err := s.keepDocument(ctx, req.Client); err != nil {
		return Redirect{}, err
	}
	code, err := s.Grant(ctx, req, a)
	if err != nil {
		return Redirect{}, err
	}
	return s.Granted(ctx, req, code)
}

// Granted is the answer to a request that was granted a code.
func (s *Server) Granted(ctx context.Context, req *AuthorizationRequest, code authz.Secret) (Redirect, error) {
	return s.respond(ctx, req, url.Values{"code": {code.Reveal()}})
}

// Grant is Approve but for the answer, which must wait until what is granted is
// on disk. It may be a part of another's transaction; then a client that is
// known by a document alone must be kept before.
func (s *Server) Grant(ctx context.Context, req *AuthorizationRequest, a Approval) (authz.Secret, error) {
	a, err := s.permit(ctx, req, a)
	if err != nil {
		return "", err
	}
	grant, err := s.newGrant(ctx, req, a)
	if err != nil {
		return "", err
	}
	u := &unit{client: requestView(req), newCode: &authz.AuthorizationCode{
		Issuer: s.settings.Name, GrantID: grant.ID, ClientID: req.Client.ID, RedirectURI: req.RedirectURI,
		CodeChallenge: req.Challenge, DPoPJKT: req.DPoPJKT, Scopes: a.Scopes, CreatedAt: grant.CreatedAt,
		ExpiresAt: grant.CreatedAt.Add(s.settings.CodeTTL), State: authz.Active,
	}}
	code, err := s.issueCode(withUnit(ctx, u), req, grant)
	if err != nil {
		return "", translate(err)
	}
	if err := s.writeApproval(ctx, u, req, a); err != nil {
		if errors.Is(err, authz.ErrConsumed) {
			return "", errFinished
		}
		return "", unavailable(err)
	}
	return authz.Secret(code), nil
}

var errFinished = fault(authz.Conflict, "request_finished", "This sign-in was completed already. Go back to the application and start again.")

// newGrant makes the grant below the session, or beside it where
// offline_access outlives it, and stamps it with its lineage.
func (s *Server) newGrant(ctx context.Context, req *AuthorizationRequest, a Approval) (authz.Grant, error) {
	for _, scope := range a.Scopes {
		if !slices.Contains(req.Scopes, scope) {
			return authz.Grant{}, errors.New("oauth: a scope was approved that was not asked for")
		}
	}
	if !s.Names(req, a.Session.UserID) {
		return authz.Grant{}, errNotExpected
	}
	claims, err := req.grantedClaims(a.Scopes)
	if err != nil {
		return authz.Grant{}, err
	}
	g := s.grantOf(req, a)
	now := s.clock.Now()
	g.ID, g.Claims, g.State, g.CreatedAt = authz.NewGrantID(now), claims, authz.Active, now
	life := req.Client.Metadata.RefreshLife(s.settings.RefreshTTL)
	if a.refreshTTL > 0 && a.refreshTTL < life {
		life = a.refreshTTL
	}
	g.ExpiresAt = g.CreatedAt.Add(life)
	if slices.Contains(a.Scopes, "offline_access") {
		g.SessionID = ""
	}
	if a.Session.Fallback.Interim() {
		// A sign-in that stands in for another gives nothing that outlasts it.
		g.SessionID = a.Session.ID
		if a.Session.ExpiresAt.Before(g.ExpiresAt) {
			g.ExpiresAt = a.Session.ExpiresAt
		}
	}
	lineage, err := s.lineage(ctx, g, req.Client, a.Ancestors)
	if err != nil {
		return authz.Grant{}, unavailable(err)
	}
	if !lineage.Usable() {
		return authz.Grant{}, errDenied
	}
	g.Lineage = lineage.Sum()
	return g, nil
}

// lineage is what a grant stands on. A client is as it is remembered, under
// epochs: a grant of one that has moved since is compared with it like any other,
// and was never alive.
func (s *Server) lineage(ctx context.Context, g authz.Grant, c authz.Client, known authz.Lineage) (authz.Lineage, error) {
	refs := g.Refs()
	known = append(slices.Clip(known), authz.Node{NodeRef: authz.ClientRef(c.Issuer, c.ID), State: c.State, Epoch: c.Epoch})
	lineage := make(authz.Lineage, 0, len(refs))
	for _, ref := range refs {
		n := slices.IndexFunc(known, func(n authz.Node) bool { return n.NodeRef == ref })
		if n < 0 {
			return s.store.Lineage(ctx, refs)
		}
		lineage = append(lineage, known[n])
	}
	return lineage, nil
}

// grantOf is the grant of a request and the person's approval, before it is
// made.
func (s *Server) grantOf(req *AuthorizationRequest, a Approval) authz.Grant {
	g := authz.Grant{
		Issuer: s.settings.Name, WorkspaceID: a.Session.WorkspaceID, AccountID: a.AccountID,
		ClientID: req.Client.ID, Subject: s.SubjectFor(req.Client, a.Session.UserID), Type: req.grantType(),
		UserID: a.Session.UserID, ConnectionID: a.Session.ConnectionID, SessionID: a.Session.ID, SID: a.Session.ID,
		Environment: req.Client.Environment, Scopes: a.Scopes, Audience: req.Audience, Details: req.Details,
		AuthTime: a.Session.AuthTime, ACR: a.Session.ACR, AMR: a.Session.AMR, SignIn: a.Session.SignIn, Fallback: a.Session.Fallback, Nonce: req.Nonce,
	}
	// Who asked for MFA by the name that stands for it, and got it, is told so
	// (RFC 9470 section 5); so is everybody where it was proven to us.
	wanted := append(slices.Clone(req.ACRValues), req.RequiredACR...)
	told := slices.Contains(wanted, authz.ACRMultiFactor) || a.Session.SignIn.Local != ""
	if told && !slices.Contains(wanted, g.ACR) && a.Session.Reached([]string{authz.ACRMultiFactor}) {
		g.SignIn.ACR, g.ACR = g.ACR, authz.ACRMultiFactor
	}
	return g
}

// issueCode lets fosite check the request once more and make the code.
func (s *Server) issueCode(ctx context.Context, req *AuthorizationRequest, grant authz.Grant) (string, error) {
	ar, err := s.fosite.NewAuthorizeRequest(ctx, formRequest(url.Values{
		"client_id": {string(req.Client.ID)}, "redirect_uri": {req.RedirectURI}, "response_type": {"code"},
		"scope": {joinScopes(req.Scopes)},
		// fosite insists on a state; ours never comes from it.
		"state": {"not-the-clients"},
	}))
	if err != nil {
		return "", err
	}
	for _, scope := range grant.Scopes {
		ar.GrantScope(scope)
	}
	for _, audience := range grant.Audience {
		ar.GrantAudience(audience)
	}
	ar.SetID(string(grant.ID))
	resp, err := s.fosite.NewAuthorizeResponse(ctx, ar, &session{grant: grant})
	if err != nil {
		return "", err
	}
	return resp.GetCode(), nil
}

func (s *Server) writeApproval(ctx context.Context, u *unit, req *AuthorizationRequest, a Approval) error {
	return s.store.InTx(ctx, func(ctx context.Context) error {
		if req.ID != "" {
			if err := s.store.ConsumeAuthorizationRequest(ctx, s.settings.Name, req.ID); err != nil {
				return err
			}
		}
		if req.from.digest != nil {
			if err := s.store.ConsumePushedRequest(ctx, s.settings.Name, *req.from.digest); err != nil {
				return err
			}
		}
		if err := s.store.CreateGrant(ctx, *u.newGrant); err != nil {
			return err
		}
		if err := s.store.CreateAuthorizationCode(ctx, *u.newCode); err != nil {
			return err
		}
		if a.Remember {
			if err := s.store.PutConsent(ctx, s.consent(req, u.newGrant)); err != nil {
				return err
			}
		}
		entry := s.entry(ctx, *u.newGrant, "grant.created", authz.Success)
		entry.Actor = holder(*u.newGrant)
		return s.auditGrant(ctx, entry, *u.newGrant, a)
	})
}

// requestView shows fosite the client with the one redirect URI that was
// proven to be its own.
func requestView(req *AuthorizationRequest) *clientView {
	return &clientView{
		id: string(req.Client.ID), public: req.Client.Public(), grantTypes: fosite.Arguments(req.Client.GrantTypes),
		redirectURIs: []string{req.RedirectURI}, scopes: req.Client.Scopes, client: req.Client, accountID: req.AccountID,
	}
}

package login

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/session"
	"github.com/gatehouse-auth/gatehouse/idp"
)

// profileOf takes over what may be shown of a person. Tenants, roles and
// scopes an upstream may claim are not looked at.
func profileOf(i idp.Identity) authz.Profile {
	p := authz.Profile{
		Name: i.Profile.Name, GivenName: i.Profile.GivenName, FamilyName: i.Profile.FamilyName,
		MiddleName: i.Profile.MiddleName, Nickname: i.Profile.Nickname, PreferredUsername: i.Profile.PreferredUsername,
		ProfileURL: i.Profile.ProfileURL, Picture: i.Profile.Picture, Website: i.Profile.Website,
		Gender: i.Profile.Gender, Birthdate: i.Profile.Birthdate, Zoneinfo: i.Profile.Zoneinfo, Locale: i.Profile.Locale,
		Email: i.Email, EmailVerified: i.EmailVerified,
		PhoneNumber: i.Profile.PhoneNumber, PhoneVerified: i.Profile.PhoneVerified,
	}
	if !i.Profile.UpdatedAt.IsZero() {
		p.UpdatedAt = &i.Profile.UpdatedAt
	}
	if i.Profile.Address != (idp.Address{}) {
		address := authz.Address(i.Profile.Address)
		p.Address = &address
	}
	return p
}

var errNoMembership = pageError(authz.Forbidden, "no_membership",
	"You signed in, but you do not belong to this workspace. Ask its administrator to invite you.")

// welcome finds or makes the person behind an identity, by connection and
// subject only, and signs them in: one transaction holds person, membership,
// session and audit entry, and what then does with the request.
func (f *Flow) welcome(w http.ResponseWriter, r *http.Request, p *pending, a arrival, then func(context.Context, authz.Session, authz.Lineage) error) error {
	ctx, c := r.Context(), a.connection
	cookie := randomText()
	stands, err := f.cfg.Connections.Ancestors(ctx, c)
	if err != nil {
		return err
	}
	admit := func(ctx context.Context) error {
		a, err := f.routed(ctx, a)
		if err != nil && (!p.signsInAgain() || !errors.Is(err, errOtherByGroup)) {
			return err
		}
		user, err := f.whoever(ctx, p, a)
		if err != nil {
			return err
		}
		if err := f.follow(ctx, a, user); err != nil {
			return err
		}
		made, ancestors, err := f.signedIn(ctx, r, a, user, stands, authz.Digest(cookie))
		if err != nil {
			return err
		}
		if err := f.cfg.Liveness.Keep(ctx, a.connection, made, authz.Secret(a.identity.RefreshToken.Reveal())); err != nil {
			return err
		}
		if err := f.cfg.Store.AppendAudit(ctx, f.welcomed(ctx, p, a, made)); err != nil {
			return err
		}
		p.row.SessionID = made.ID
		self := authz.Node{NodeRef: authz.NodeRef{Kind: authz.SessionNode, ID: string(made.ID)}, State: made.State, Epoch: made.Epoch}
		return then(ctx, made, append(ancestors, self))
	}
	err = f.cfg.Store.InTx(ctx, admit)
	if errors.Is(err, authz.ErrConflict) || errors.Is(err, errLinkConflict) {
		// Another sign-in of theirs may have made them in this moment.
		err = f.cfg.Store.InTx(ctx, admit)
	}
	switch {
	case errors.Is(err, errOtherSide):
		return f.refuse(ctx, p, c, "other_side", errUpstream.Because(err))
	case errors.Is(err, errLinkConflict):
		return f.refuse(ctx, p, c, "link_conflict", errNoMembership)
	case errors.Is(err, errNoMembership):
		return f.refuse(ctx, p, c, "no_membership", errNoMembership)
	case errors.Is(err, errSwitchedOff):
		return f.refuse(ctx, p, c, "switched_off", errSwitchedOff)
	case p.invited != "" && authz.CodeOf(err) == errInvitation.Code:
		return f.refuse(ctx, p, c, "invitation_refused", errInvitation)
	case errors.Is(err, authz.ErrConsumed):
		return errRequestGone
	case err != nil:
		return err
	}
	f.setCookie(w, sessionCookie, cookie)
	return nil
}

// welcomed is the audit entry of a sign-in.
func (f *Flow) welcomed(ctx context.Context, p *pending, a arrival, made authz.Session) authz.AuditEntry {
	i := a.identity
	return authz.AuditEntry{
		Issuer: f.issuer, WorkspaceID: made.WorkspaceID, Time: f.cfg.Clock.Now(), Type: "login.succeeded",
		Result: authz.Success, Actor: string(made.UserID), Target: string(made.ID),
		Details: map[string]any{
			"connection_id": made.ConnectionID, "side": a.side, "fallback_reason": a.fallback, "client_id": p.request.Client.ID, "acr": i.ACR, "amr": i.AMR, "mfa": made.SignIn.MFA,
		},
	}.From(authz.OriginFrom(ctx))
}

// follow gives the person what their groups give. A sign-in that stands in for
// another says nothing of groups: the other side tells others.
func (f *Flow) follow(ctx context.Context, a arrival, user authz.User) error {
	if a.fallback.Interim() {
		return nil
	}
	return f.cfg.Members.FollowGroups(ctx, admin.GroupsTold{
		Connection: a.connection, User: user.ID, Groups: a.identity.Groups, Unknown: a.identity.GroupsOverage,
	})
}

// joins reports whether somebody new may become a member: not where a sign-in
// stands in for another, as an outage makes no accounts; with an address in a
// domain verified for this very connection. An OpenID provider must say that
// it verified the address, as many know people of other domains. In SAML there
// is no such word: the provider was set up by the owner of the domain.
func joins(a arrival) bool {
	if a.fallback.Interim() || !a.connection.Joins(a.identity.Email) {
		return false
	}
	return a.identity.EmailVerified || a.side == authz.SAMLSide
}

// upstreamName is what the upstream will call the session when it ends there.
func upstreamName(a arrival) authz.UpstreamName {
	person := cmp.Or(a.identity.LogoutName, a.identity.Subject)
	return authz.UpstreamName{Side: a.side, Person: authz.Digest(person), Session: a.identity.SessionID}
}

// signedIn makes a session, or renews the browser's own when the same person
// signs in again: the cookie changes, the sid that clients know stays. The
// session of somebody else in this browser ends. It comes with what it stands on.
func (f *Flow) signedIn(ctx context.Context, r *http.Request, a arrival, user authz.User, stands authz.Lineage, cookie [32]byte) (authz.Session, authz.Lineage, error) {
	now, c, i := f.cfg.Clock.Now(), a.connection, a.identity
	origin := authz.OriginFrom(ctx)
	made := authz.Session{
		ID: authz.NewSessionID(now), Issuer: f.issuer, WorkspaceID: c.WorkspaceID, UserID: user.ID, ConnectionID: c.ID,
		Digest: cookie, AuthTime: authTime(i, now), ACR: i.ACR, AMR: i.AMR, SignIn: signInOf(a, now), State: authz.Active, CreatedAt: now,
		ExpiresAt: f.endOf(a, now), IdleUntil: now.Add(f.cfg.SessionIdle), IP: origin.IP, UserAgent: origin.UserAgent,
		Fallback: a.fallback, Upstream: upstreamName(a),
	}
	lineage, err := lineageOf(stands, user)
	if err != nil {
		return authz.Session{}, nil, err
	}
	made.Lineage = lineage.Sum()
	old, oldAccount, err := f.session(r.WithContext(ctx))
	if err != nil {
		return authz.Session{}, nil, err
	}
	if old.ID == "" {
		return made, lineage, f.cfg.Store.CreateSession(ctx, made)
	}
	if old.UserID == user.ID && old.WorkspaceID == c.WorkspaceID && old.ConnectionID == c.ID {
		made.ID, made.CreatedAt, made.Epoch = old.ID, old.CreatedAt, old.Epoch
		return made, lineage, f.cfg.Store.RenewSession(ctx, made)
	}
	if _, err := f.cfg.Sessions.Revoke(ctx, session.Revocation{Session: old, AccountID: oldAccount, Reason: session.Replaced}); err != nil {
		return authz.Session{}, nil, err
	}
	return made, lineage, f.cfg.Store.CreateSession(ctx, made)
}

// evidenceOf is the evidence of a second factor, which counts for a while after
// the provider saw it; beyond it an administrator's word that it always asks for
// one is left, if there is any.
func evidenceOf(a arrival, now time.Time) string {
	i, c := a.identity, a.connection
	if i.Evidence != idp.EvidenceProven || i.AuthTime.IsZero() || now.Sub(i.AuthTime) <= c.Numbers.Times().MFAAge {
		return i.Evidence.String()
	}
	if a.side == authz.OIDCSide && c.OIDC != nil && c.OIDC.MFADeclared || a.side == authz.SAMLSide && c.SAML != nil && c.SAML.MFADeclared {
		return idp.EvidenceDeclared.String()
	}
	return idp.EvidenceNone.String()
}

// maxGroups bounds what is kept of a person's groups, in bytes; the upstream's
// word is bounded in number only.
const maxGroups = 16 << 10

func tooMuch(groups []string) bool {
	size := 0
	for _, group := range groups {
		size += len(group)
	}
	return size > maxGroups
}

// signInOf is what conditional access is told of a sign-in.
func signInOf(a arrival, now time.Time) authz.SignIn {
	i := a.identity
	s := authz.SignIn{MFA: evidenceOf(a, now), GroupsUnknown: i.GroupsOverage}
	if !i.AuthTime.IsZero() { // untold, it may be of this morning: of no time that counts
		s.MFAAt = authTime(i, now)
	}
	if a.asked || !i.AuthTime.IsZero() {
		s.LiveAt = authTime(i, now)
	}
	s.Fallback = a.fallback.Interim()
	if tooMuch(i.Groups) {
		s.GroupsUnknown = true
		return s
	}
	s.Groups = i.Groups
	return s
}

// silentLife is how long a session lasts whose upstream neither tells when it
// ends nor can be asked: OneLogin has no logout by the back channel.
const silentLife = 8 * time.Hour

// endOf is when a session ends at the latest: it does not outlast the
// upstream's (SAML Core section 2.7.2, SessionNotOnOrAfter).
func (f *Flow) endOf(a arrival, now time.Time) time.Time {
	end := now.Add(f.cfg.SessionAbsolute)
	silent := a.connection.Vendor == "onelogin" && a.identity.RefreshToken == ""
	if last := now.Add(silentLife); silent && last.Before(end) {
		end = last
	}
	if interim := now.Add(a.connection.Numbers.Times().FallbackSession); a.fallback.Interim() && interim.Before(end) {
		end = interim
	}
	if ends := a.identity.SessionEnds; !ends.IsZero() && ends.Before(end) {
		end = ends
	}
	return end
}

// authTime is when the upstream saw the person, if it says so; else now.
func authTime(i idp.Identity, now time.Time) time.Time {
	if i.AuthTime.IsZero() || i.AuthTime.After(now) {
		return now
	}
	return i.AuthTime
}

// lineageOf is what a session stands on, the sum of whose epochs it keeps, so that
// none outlives the suspension of its workspace by being forgotten until it is
// over. What was switched off while the person was at the upstream gives no
// session: it would come to life when that is switched on again.
func lineageOf(stands authz.Lineage, user authz.User) (authz.Lineage, error) {
	self := authz.Node{NodeRef: authz.NodeRef{Kind: authz.UserNode, ID: string(user.ID)}, State: user.State, Epoch: user.Epoch}
	lineage := append(slices.Clip(stands), self)
	if !lineage.Usable() {
		return nil, errSwitchedOff
	}
	return lineage, nil
}

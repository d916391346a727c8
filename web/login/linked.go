package login

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// provenPurpose seals who came back from the other side until the person says
// that it is them. It is another than that of a leg: what goes on from an
// upstream's answer cannot be passed off as what was said, nor the other way
// around.
const provenPurpose = "proven identity"

// proven is who came back.
type proven struct {
	Side     authz.Side
	Identity idp.Identity
}

// linkArrived shows the person who they are at the other side, and asks.
func (f *Flow) linkArrived(w http.ResponseWriter, r *http.Request, p *pending, a arrival) error {
	ctx := r.Context()
	s, _, err := f.session(r)
	if err == nil {
		err = f.mayJoin(ctx, s, p, a)
	}
	if err != nil {
		return f.linkRefused(ctx, p, a, err)
	}
	return f.askWhetherThem(w, r, p, a, s.UserID, "/security/link/confirm")
}

// askWhetherThem shows the person who came back, and asks whether it is them;
// the answer goes to confirm.
func (f *Flow) askWhetherThem(w http.ResponseWriter, r *http.Request, p *pending, a arrival, id authz.UserID, confirm string) error {
	ctx := r.Context()
	user, err := f.cfg.Store.GetUserAcrossWorkspaces(ctx, f.issuer, id)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(proven{Side: a.side, Identity: a.identity})
	if err != nil {
		return err
	}
	sealed, err := f.cfg.Sealer.Seal(provenPurpose, p.row.ID, plain)
	if err != nil {
		return err
	}
	handle := randomText()
	if err := f.remember(ctx, p.row.ID, a.connection.ID, handle, sealed, time.Time{}); err != nil {
		return err
	}
	facts := []factView{{"provider", providerOf(a.connection, a.side)}, {"known there as", a.identity.Subject}}
	for _, fact := range []factView{{"name", a.identity.Profile.Name}, {"e-mail", a.identity.Email}} {
		if fact.Value != "" {
			facts = append(facts, fact)
		}
	}
	return f.cfg.Pages.Write(w, http.StatusOK, ui.LinkPage, map[string]any{
		"Person": nameOf(user), "Connection": a.connection.Name, "ConnectionID": a.connection.ID, "Facts": facts, "Handle": handle,
		"Confirm": confirm, "ByLink": p.joining != "",
	})
}

// said takes the person's word that it is them, which is good once.
func (f *Flow) said(ctx context.Context, p *pending) error {
	err := f.cfg.Store.ConsumeAuthorizationRequest(ctx, f.issuer, p.row.ID)
	if errors.Is(err, authz.ErrConsumed) {
		return errRequestGone
	}
	return err
}

// mayJoin checks that an arrival may be joined to the session's person: by the
// session that began it, which is alive and whose sign-in and factor are still of
// the last minutes, at a connection in use, and nobody else's.
func (f *Flow) mayJoin(ctx context.Context, s authz.Session, p *pending, a arrival) error {
	if s.ID == "" || s.ID != p.linking.Session || s.UserID != p.linking.User {
		return errSignedOut
	}
	c, side, err := f.otherSide(ctx, s)
	if err == nil {
		err = mayLink(s, f.cfg.Clock.Now())
	}
	switch {
	case err != nil:
		return err
	case c.ID != a.connection.ID || side != a.side || a.fallback.Interim():
		return errLinkNowhere
	}
	return f.nobodysYet(ctx, a, s.UserID)
}

// nobodysYet checks that who came back may become a person whom this side does
// not know yet: they are nobody here, are told by no name of somebody else, and
// do not come with another member's address. That they come with the person's
// own proves nothing.
func (f *Flow) nobodysYet(ctx context.Context, a arrival, user authz.UserID) error {
	ws := a.connection.WorkspaceID
	_, _, _, err := f.cfg.Store.UserByUpstream(ctx, f.issuer, ws, a.connection.ID, a.side, a.identity.Subject)
	if err == nil {
		return errLinkTaken
	}
	if !errors.Is(err, authz.ErrNotFound) {
		return err
	}
	if a.identity.Email != "" {
		others, err := f.cfg.Store.MembersWithEmail(ctx, f.issuer, ws, a.identity.Email, 2)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(others, func(id authz.UserID) bool { return id != user }) {
			return errLinkTaken
		}
	}
	link := linkOf(a)
	if link == ([32]byte{}) {
		return nil
	}
	switch id, err := f.cfg.Store.UserByLink(ctx, f.issuer, a.connection.ID, link); {
	case errors.Is(err, authz.ErrNotFound):
		return nil
	case errors.Is(err, authz.ErrConflict) || err == nil && id != user:
		return errLinkTaken
	default:
		return err
	}
}

// joining is what the side will call the person. Nobody signs in by that: it has
// no time of a sign-in, and what the side tells of groups decides no route.
func (f *Flow) joining(a arrival, user authz.UserID, by authz.LinkedBy) authz.UpstreamIdentity {
	i := f.identity(a, user, by)
	i.LastLoginAt, i.Groups = time.Time{}, nil
	return i
}

// linkRefused records that nothing was joined, and returns what to say.
func (f *Flow) linkRefused(ctx context.Context, p *pending, a arrival, err error) error {
	actor := string(p.joining)
	if p.linking != nil {
		actor = string(p.linking.User)
	}
	told, ok := errors.AsType[*authz.Error](err)
	if !ok || authz.KindOf(err) == authz.Unavailable {
		return err
	}
	entry := authz.AuditEntry{
		Issuer: f.issuer, WorkspaceID: a.connection.WorkspaceID, Time: f.cfg.Clock.Now(), Type: "identity.link_refused", Result: authz.Refused, Reason: told.Code,
		Actor: actor, Target: string(a.connection.ID), Details: map[string]any{"side": a.side},
	}.From(authz.OriginFrom(ctx))
	if err := f.cfg.Store.AppendAudit(ctx, entry); err != nil {
		return err
	}
	return told
}

// ConfirmLinking serves POST /security/link/confirm: the person says that who
// came back is them.
func (f *Flow) ConfirmLinking(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	ctx := r.Context()
	p, a, err := f.saidToBe(r)
	if err != nil {
		return err
	}
	if p.linking == nil || p.linking.Again {
		return errRequestGone
	}
	cookie := randomText()
	err = f.cfg.Store.InTx(ctx, func(ctx context.Context) error { return f.join(ctx, r, p, a, authz.Digest(cookie)) })
	if err != nil {
		return f.linkRefused(ctx, p, a, err)
	}
	f.setCookie(w, sessionCookie, cookie)
	return f.cfg.Pages.Write(w, http.StatusOK, ui.LinkPage, map[string]any{"Connection": a.connection.Name, "Joined": true})
}

// saidToBe is who came back, of whom a form says that it is them. What is said
// is good once.
func (f *Flow) saidToBe(r *http.Request) (*pending, arrival, error) {
	ctx, id := r.Context(), authz.ConnectionID(r.PostForm.Get("connection"))
	if !id.Valid() {
		id = ""
	}
	row, err := f.returned(ctx, id, onlyValue(r.PostForm["h"]))
	if err != nil {
		return nil, arrival{}, err
	}
	p, c, err := f.comeBack(r, row)
	if err != nil {
		return nil, arrival{}, err
	}
	who, err := f.openProven(row)
	if err != nil {
		return nil, arrival{}, f.upstreamFailed(ctx, p, c, err)
	}
	return p, arrival{connection: c, side: who.Side, identity: who.Identity}, nil
}

// openProven returns who came back. What was sealed for another step does not
// open.
func (f *Flow) openProven(row authz.AuthorizationRequest) (proven, error) {
	var who proven
	plain, err := f.cfg.Sealer.Open(provenPurpose, row.ID, row.Upstream)
	if err != nil {
		return who, idp.Refuse(idp.ReasonState, err)
	}
	return who, json.Unmarshal(plain, &who)
}

// join makes the identity the person's, in a transaction that looks at
// everything anew. The session gets another cookie, which also settles that it
// is alive: of its end and this, one comes first.
func (f *Flow) join(ctx context.Context, r *http.Request, p *pending, a arrival, cookie [32]byte) error {
	s, _, err := f.session(r.WithContext(ctx))
	if err != nil {
		return err
	}
	if err := f.mayJoin(ctx, s, p, a); err != nil {
		return err
	}
	if err := f.said(ctx, p); err != nil {
		return err
	}
	had := s.Digest
	s.Digest = cookie
	err = f.cfg.Store.StepUpSession(ctx, s, had)
	if errors.Is(err, authz.ErrNotFound) {
		return errSignedOut
	}
	if err != nil {
		return err
	}
	err = f.cfg.Store.AddUpstreamIdentity(ctx, f.joining(a, s.UserID, authz.LinkedByCeremony))
	if errors.Is(err, authz.ErrConflict) {
		return errLinkTaken
	}
	if err != nil {
		return err
	}
	return f.cfg.Store.AppendAudit(ctx, authz.AuditEntry{
		Issuer: f.issuer, WorkspaceID: s.WorkspaceID, Time: f.cfg.Clock.Now(), Type: "identity.linked", Result: authz.Success, Actor: string(s.UserID),
		Target: string(s.UserID), Details: map[string]any{"connection_id": a.connection.ID, "side": a.side, "linked_by": authz.LinkedByCeremony},
	}.From(authz.OriginFrom(ctx)))
}

package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp"
)

// ACS serves POST /saml/{upstream}/acs: an identity provider's response, posted
// by a browser from another site, without our cookies. RelayState finds the one
// sign-in that waits for it, which is good once: a response to none is not even
// read. Whether this is the browser that went away shows at the next step, to
// which it brings its cookies (SAML Profiles section 4.1).
func (f *Flow) ACS(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	r.Body = http.MaxBytesReader(w, r.Body, idp.MaxForm)
	if err := readForm(r); err != nil {
		return err
	}
	if to, err := f.hint(r); err != nil || to != "" {
		if err != nil {
			return err
		}
		return seeOther(w, r, to)
	}
	row, err := f.answered(ctx, upstreamOf(r), onlyValue(r.PostForm["RelayState"]))
	if err != nil {
		return err
	}
	if !f.waiting(row) {
		return errRequestGone
	}
	p, err := f.rebuild(ctx, row)
	if err != nil {
		return err
	}
	connection, err := f.connectionOf(ctx, p)
	if err != nil {
		return err
	}
	leg, err := f.openLeg(row, authz.SAMLSide)
	if err != nil {
		return f.upstreamFailed(ctx, p, connection, err)
	}
	identity, err := f.finish(ctx, p, connection, leg, r.PostForm)
	if err != nil {
		return f.upstreamFailed(ctx, p, connection, err)
	}
	handle := randomText()
	sealed, err := f.sealLeg(row.ID, upstreamLeg{Side: authz.SAMLSide, Asked: leg.Asked, Fallback: leg.Fallback, Group: leg.Group, Onward: leg.Onward, Until: leg.Until, Identity: &identity})
	if err != nil {
		return err
	}
	if err := f.remember(ctx, row.ID, connection.ID, handle, sealed, time.Time{}); err != nil {
		return err
	}
	return seeOther(w, r, "/saml/"+url.PathEscape(string(connection.ID))+"/continue?"+url.Values{"h": {handle}}.Encode())
}

// hint is where somebody is sent who comes from the provider unasked; "" for
// everybody else. What they bring is dropped unread but for what it answers:
// anyone can have made it, and post it in anybody's browser. The application
// begins a sign-in of its own, to which the provider answers.
func (f *Flow) hint(r *http.Request) (string, error) {
	ctx := r.Context()
	c, err := f.cfg.Store.GetConnectionAcrossWorkspaces(ctx, f.issuer, upstreamOf(r))
	if errors.Is(err, authz.ErrNotFound) {
		return "", nil
	}
	if err != nil || !c.Has(authz.SAMLSide) || c.SAML.InitiateLoginURI == "" || c.State != authz.Active {
		return "", err
	}
	connector, err := f.cfg.Connect(ctx, c, authz.SAMLSide)
	if err != nil {
		return "", err
	}
	if sp, ok := connector.(idp.ServiceProvider); !ok || !sp.Unsolicited(r.PostForm) {
		return "", nil
	}
	to, err := url.Parse(c.SAML.InitiateLoginURI)
	if err != nil {
		return "", err
	}
	query := to.Query()
	query.Set("iss", f.cfg.OAuth.Settings().URL)
	to.RawQuery = query.Encode()
	return to.String(), f.cfg.Store.AppendAudit(ctx, authz.AuditEntry{
		Issuer: f.issuer, WorkspaceID: c.WorkspaceID, Time: f.cfg.Clock.Now(), Type: "login.hinted", Result: authz.Success, Target: string(c.ID),
	}.From(authz.OriginFrom(ctx)))
}

// ContinueSAML serves GET /saml/{upstream}/continue: the browser comes from our
// own ACS, with its cookies. Another's than the one that began has none that
// fits, so that nobody is signed in as somebody else by a form on a third site.
func (f *Flow) ContinueSAML(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	row, err := f.returned(ctx, upstreamOf(r), onlyValue(r.URL.Query()["h"]))
	if err != nil {
		return err
	}
	p, connection, err := f.comeBack(r, row)
	if err != nil {
		return err
	}
	leg, err := f.openLeg(row, authz.SAMLSide)
	if err == nil && leg.Identity == nil {
		err = idp.Refuse(idp.ReasonState, errors.New("no response was accepted yet"))
	}
	if err != nil {
		return f.upstreamFailed(ctx, p, connection, err)
	}
	p.asked = leg.Asked
	return f.arrive(w, r, p, leg.arrival(connection, authz.SAMLSide, *leg.Identity))
}

// onlyValue is the one value of a parameter, else "".
func onlyValue(values []string) string {
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

var errNoSide = pageError(authz.NotFound, "not_found", "There is no such page.")

// serviceProvider is what we are to the connection of the path; not found where
// it has no side of SAML.
func (f *Flow) serviceProvider(r *http.Request) (authz.Connection, idp.ServiceProvider, error) {
	c, connector, err := f.upstreamSide(r, authz.SAMLSide)
	if err != nil {
		return authz.Connection{}, nil, err
	}
	sp, ok := connector.(idp.ServiceProvider)
	if !ok {
		return authz.Connection{}, nil, errors.New("login: the side of SAML is no service provider")
	}
	return c, sp, nil
}

// SAMLMetadata serves GET /saml/{upstream}/metadata (SAML Metadata section 2),
// also of a connection that is not in use yet: it is what sets it up.
func (f *Flow) SAMLMetadata(w http.ResponseWriter, r *http.Request) error {
	c, sp, err := f.serviceProvider(r)
	if err != nil {
		return err
	}
	raw, err := sp.Metadata()
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/samlmetadata+xml")
	h.Set("Content-Disposition", `attachment; filename="`+fileName(string(c.ID))+`-metadata.xml"`)
	h.Set("Cache-Control", "no-cache")
	_, err = w.Write(raw)
	return err
}

// fileName keeps what is harmless in every file system.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", r) {
			return r
		}
		return '_'
	}, s)
}

var errLogout = pageError(authz.Invalid, "upstream_logout_refused", "Your organisation's message to sign you out could not be accepted. Nothing was changed.")

// SAMLLogout serves GET and POST /saml/{upstream}/slo: the identity provider
// tells that a session has ended (SAML Profiles section 4.4). Its signature is
// what counts, not the browser that carries it.
func (f *Flow) SAMLLogout(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, sp, err := f.serviceProvider(r)
	if err != nil {
		return err
	}
	message, err := readLogout(w, r, sp)
	switch {
	case idp.ReasonOf(err) != "":
		return f.refuseAs(ctx, "logout.refused", nil, c, idp.ReasonOf(err), errLogout.Because(err))
	case err != nil:
		return err
	case !message.Request: // we ask nothing yet that this could answer
		return f.refuseAs(ctx, "logout.refused", nil, c, idp.ReasonState, errLogout)
	}
	err = f.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := sp.UseLogout(ctx, message); err != nil {
			return err
		}
		return f.endUpstreamSessions(ctx, c, authz.SAMLSide, message.NameID.Value, message.SessionIndexes)
	})
	if reason := idp.ReasonOf(err); reason != "" {
		return f.refuseAs(ctx, "logout.refused", nil, c, reason, errLogout.Because(err))
	}
	if err != nil {
		return err
	}
	answer, err := sp.AnswerLogout(message, true)
	if err != nil {
		return err
	}
	return f.leave(w, r, answer)
}

func readLogout(w http.ResponseWriter, r *http.Request, sp idp.ServiceProvider) (idp.Logout, error) {
	if r.Method == http.MethodGet {
		return sp.LogoutByRedirect(r.Context(), r.URL.RawQuery)
	}
	r.Body = http.MaxBytesReader(w, r.Body, idp.MaxForm)
	if err := readForm(r); err != nil {
		return idp.Logout{}, err
	}
	return sp.LogoutByPOST(r.Context(), r.PostForm)
}

package login

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// ShowDevice serves GET /device: the page to enter a user code on (RFC 8628
// section 3.3). A code in the address is filled in and no more: it is looked
// up, and believed, only when the person sends it.
func (f *Flow) ShowDevice(w http.ResponseWriter, r *http.Request) error {
	shown := ""
	if letters, ok := oauth.ParseUserCode(r.URL.Query().Get("user_code")); ok {
		shown = oauth.ShowUserCode(letters)
	}
	return f.enterCode(w, http.StatusOK, shown, "")
}

func (f *Flow) enterCode(w http.ResponseWriter, status int, shown, problem string) error {
	return f.cfg.Pages.Write(w, status, ui.DevicePage, map[string]any{"Step": "enter", "UserCode": shown, "Problem": problem})
}

// SubmitDevice serves POST /device: first the code, which is answered with what
// stands behind it, then the person's word that their device shows it (RFC
// 8628 sections 3.3.1 and 5.4). What follows is the sign-in of any request.
func (f *Flow) SubmitDevice(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	letters, ok := oauth.ParseUserCode(r.PostForm.Get("user_code"))
	if !ok {
		return f.enterCode(w, http.StatusOK, "", "A code has eight letters, such as BCDF-GHJK.")
	}
	req, err := f.findDevice(r, letters)
	if e, ok := errors.AsType[*authz.Error](err); ok && e.Code == "unknown_user_code" {
		return f.enterCode(w, http.StatusOK, "", e.Description)
	}
	if err != nil {
		return err
	}
	if r.PostForm.Get("confirm") != "yes" {
		return f.cfg.Pages.Write(w, http.StatusOK, ui.DevicePage, map[string]any{
			"Step": "confirm", "UserCode": oauth.ShowUserCode(letters), "Client": req.Client.Name, "Device": f.deviceView(r, req),
		})
	}
	p := &pending{request: req}
	if err := f.store(w, r, p); err != nil {
		return err
	}
	// A page that leads on: browsers hold the redirects behind a form against
	// its form-action, and this one leads to an upstream.
	return f.cfg.Pages.Write(w, http.StatusOK, ui.ContinuePage, map[string]any{
		"Location": "/signin/done?" + url.Values{"request": {p.row.ID}}.Encode(),
	})
}

// findDevice looks a user code up. A wrong one counts against the address and
// the session, and leaves an audit entry (RFC 8628 section 5.1).
func (f *Flow) findDevice(r *http.Request, letters string) (*oauth.AuthorizationRequest, error) {
	ctx := r.Context()
	keys := f.guessers(r)
	if f.cfg.Guesses != nil {
		for _, key := range keys {
			if err := f.cfg.Guesses.Allow(key); err != nil {
				return nil, err
			}
		}
	}
	req, err := f.cfg.OAuth.FindDevice(ctx, letters)
	if authz.CodeOf(err) == "unknown_user_code" {
		auditErr := f.cfg.Store.AppendAudit(ctx, authz.AuditEntry{
			Issuer: f.issuer, Time: f.cfg.Clock.Now(), Type: "device.refused", Result: authz.Refused, Reason: "unknown_user_code",
		}.From(authz.OriginFrom(ctx)))
		return nil, errors.Join(auditErr, err)
	}
	if f.cfg.Guesses != nil {
		for _, key := range keys {
			f.cfg.Guesses.Refund(key)
		}
	}
	return req, err
}

// guessers are whom a wrong code counts against: the network a person comes
// from, as one of IPv6 has addresses without end, and their session.
func (f *Flow) guessers(r *http.Request) []string {
	from := authz.OriginFrom(r.Context()).IP
	if a, err := netip.ParseAddr(from); err == nil && a.Is6() {
		if network, err := a.Prefix(64); err == nil {
			from = network.String()
		}
	}
	keys := []string{"from " + from}
	if s, _, err := f.session(r); err == nil && s.ID != "" {
		keys = append(keys, "session "+string(s.ID))
	}
	return keys
}

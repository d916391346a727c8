package setup

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/connection"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// Config is what Pages need; every field is required.
type Config struct {
	Connections *connection.Connections
	Pages       *ui.Pages
	// CookieSuffix tells the issuers' cookies apart, such as "up".
	CookieSuffix string
	// Secure is false only for an http issuer on loopback.
	Secure bool
}

// Pages are the set-up pages of one issuer. Its methods are HTTP handlers that
// return an error for the one renderer to show.
type Pages struct{ cfg Config }

// New returns Pages, or says what is missing.
func New(cfg Config) (*Pages, error) {
	if cfg.Connections == nil || cfg.Pages == nil || cfg.CookieSuffix == "" {
		return nil, errors.New("setup: every field of Config is required")
	}
	return &Pages{cfg: cfg}, nil
}

// maxToken bounds what is looked up.
const maxToken = 128

func (p *Pages) cookieName() string {
	if p.cfg.Secure {
		return "__Host-setup-" + p.cfg.CookieSuffix
	}
	return "setup-" + p.cfg.CookieSuffix
}

// open is what the browser's link opens.
func (p *Pages) open(r *http.Request) (connection.Setup, error) {
	found := r.CookiesNamed(p.cookieName())
	if len(found) != 1 || len(found[0].Value) > maxToken {
		return connection.Setup{}, connection.ErrSetupOver
	}
	return p.cfg.Connections.OpenSetup(r.Context(), authz.Secret(found[0].Value))
}

// Show serves GET /setup.
func (p *Pages) Show(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Has("token") {
		return p.enter(w, r)
	}
	u, err := p.open(r)
	if err != nil {
		return err
	}
	return p.write(w, r, http.StatusOK, u, shown{})
}

// enter takes the token out of the URL, where histories and logs would keep it.
func (p *Pages) enter(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("token")
	if len(token) > maxToken {
		return connection.ErrSetupOver
	}
	u, err := p.cfg.Connections.OpenSetup(r.Context(), authz.Secret(token))
	if err != nil {
		return err
	}
	if err := u.Opened(r.Context()); err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{
		Name: p.cookieName(), Value: token, Path: "/", Secure: p.cfg.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, "/setup", http.StatusSeeOther)
	return nil
}

var errOtherLink = authz.NewError(authz.Conflict, "other_link", "This page belongs to another set-up link than the one that was opened last in this browser. Open the link again.")

// submitted is a form of the page that the browser's link shows.
func (p *Pages) submitted(r *http.Request) (connection.Setup, error) {
	if err := r.ParseForm(); err != nil {
		return connection.Setup{}, authz.NewError(authz.Invalid, "invalid_request", "The form could not be read.").Because(err)
	}
	u, err := p.open(r)
	if err != nil {
		return u, err
	}
	if r.PostForm.Get("connection") != string(u.Link().ConnectionID) {
		return u, errOtherLink
	}
	return u, nil
}

// SubmitVendor serves POST /setup/vendor.
func (p *Pages) SubmitVendor(w http.ResponseWriter, r *http.Request) error {
	return p.change(w, r, func(_ connection.Setup, form func(string) string) (connection.Change, error) {
		vendor := form("vendor")
		return connection.Change{Vendor: &vendor}, nil
	})
}

// SubmitOIDC serves POST /setup/oidc: the address of a discovery document, or an
// issuer. The issuer is what the document says, to the letter.
func (p *Pages) SubmitOIDC(w http.ResponseWriter, r *http.Request) error {
	return p.change(w, r, func(u connection.Setup, form func(string) string) (connection.Change, error) {
		issuer, err := u.Discover(r.Context(), form("address"))
		if err != nil {
			return connection.Change{}, err
		}
		id := form("client_id")
		change := connection.Change{Issuer: &issuer, ClientID: &id}
		if secret := authz.Secret(form("client_secret")); secret != "" {
			change.Secret = &secret
		}
		return change, nil
	})
}

// SubmitSAML serves POST /setup/saml: the address of metadata, or the metadata.
func (p *Pages) SubmitSAML(w http.ResponseWriter, r *http.Request) error {
	return p.change(w, r, func(_ connection.Setup, form func(string) string) (connection.Change, error) {
		m := connection.Metadata{URL: form("metadata_url"), XML: form("metadata_xml"), EntityID: form("entity_id")}
		if m.XML != "" {
			m.URL = "" // what was pasted is meant
		}
		if m.URL == "" && m.XML == "" {
			return connection.Change{}, authz.NewError(authz.Invalid, "invalid_metadata", "Give the address of the metadata, or the metadata.")
		}
		return connection.Change{Metadata: &m}, nil
	})
}

// SubmitCheck serves POST /setup/check: a look at the provider.
func (p *Pages) SubmitCheck(w http.ResponseWriter, r *http.Request) error {
	u, err := p.submitted(r)
	if err != nil {
		return err
	}
	return p.look(w, r, u)
}

// change makes a change and looks at what it led to; what is wrong with it is
// said on the page.
func (p *Pages) change(w http.ResponseWriter, r *http.Request, of func(connection.Setup, func(string) string) (connection.Change, error)) error {
	u, err := p.submitted(r)
	if err != nil {
		return err
	}
	change, err := of(u, func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) })
	if err == nil {
		_, err = u.Change(r.Context(), change)
	}
	switch authz.KindOf(err) {
	case authz.Invalid, authz.Conflict, authz.Stale:
		wrong, _ := errors.AsType[*authz.Error](err)
		return p.write(w, r, http.StatusUnprocessableEntity, u, shown{problem: wrong.Description})
	}
	if err != nil {
		return err
	}
	if change.Vendor != nil && change.Issuer == nil && change.Metadata == nil {
		return p.write(w, r, http.StatusOK, u, shown{})
	}
	return p.look(w, r, u)
}

func (p *Pages) look(w http.ResponseWriter, r *http.Request, u connection.Setup) error {
	_, checked, err := u.Check(r.Context())
	if err != nil {
		return err
	}
	return p.write(w, r, http.StatusOK, u, shown{checked: checked})
}

package ui

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"sync"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

// Pages renders the pages of one issuer.
type Pages struct {
	templates map[string]*template.Template
	brand     string
}

// Names of the pages.
const (
	SignInPage   = "signin.html"
	ConsentPage  = "consent.html"
	ContinuePage = "continue.html"
	ErrorPage    = "error.html"
	WelcomePage  = "welcome.html"
	FormPostPage = "formpost.html"
	DevicePage   = "device.html"

	SetupPage      = "setup.html"
	TestPage       = "test.html"
	InvitationPage = "invitation.html"
	JoinPage       = "join.html"
	OutagePage     = "outage.html"
	LogoutPage     = "logout.html"
	SignedOutPage  = "signedout.html"

	FactorPage      = "factor.html"
	FactorSetupPage = "factorsetup.html"
	CodesPage       = "codes.html"
	SecurityPage    = "security.html"
	LinkPage        = "link.html"
	LocalPage       = "local.html"
	EnrolPage       = "enrol.html"
	OperatorPage    = "operator.html"
)

// New returns the pages, headed by the issuer's display name.
func New(brand string) (*Pages, error) {
	t, err := templates()
	return &Pages{templates: t, brand: brand}, err
}

// templates are the same for every issuer: they are parsed once for the process.
var templates = sync.OnceValues(parse) //nolint:gochecknoglobals // as are the files

func parse() (map[string]*template.Template, error) {
	common, err := template.ParseFS(templateFiles, "templates/layout.html", "templates/factors.html")
	if err != nil {
		return nil, fmt.Errorf("ui: parsing what pages share: %w", err)
	}
	pages := make(map[string]*template.Template)
	for _, name := range []string{SignInPage, ConsentPage, ContinuePage, ErrorPage, WelcomePage, FormPostPage, DevicePage, OutagePage, SetupPage, TestPage, InvitationPage, JoinPage, LogoutPage, SignedOutPage, FactorPage, FactorSetupPage, CodesPage, SecurityPage, LinkPage, LocalPage, EnrolPage, OperatorPage} {
		page, err := common.Clone()
		if err != nil {
			return nil, fmt.Errorf("ui: copying what pages share: %w", err)
		}
		if pages[name], err = page.ParseFS(templateFiles, "templates/"+name); err != nil {
			return nil, fmt.Errorf("ui: parsing %s: %w", name, err)
		}
	}
	return pages, nil
}

// Brand is the issuer's display name.
func (p *Pages) Brand() string { return p.brand }

// Write answers with a page. formAction names origins, besides our own, that
// the page's forms may lead to: browsers apply form-action to the redirects
// that follow a form too.
func (p *Pages) Write(w http.ResponseWriter, status int, page string, data any, formAction ...string) error {
	return p.write(w, status, page, data, policy(page == FormPostPage, formAction))
}

// WriteScripted is Write for a page with a script of ours: one that asks a
// browser for a passkey.
func (p *Pages) WriteScripted(w http.ResponseWriter, status int, page string, data any, formAction ...string) error {
	return p.write(w, status, page, data, policy(true, formAction))
}

// WriteFraming answers with a page that embeds pages of the origins named.
func (p *Pages) WriteFraming(w http.ResponseWriter, status int, page string, data any, origins ...string) error {
	csp := policy(false, nil)
	if len(origins) > 0 {
		csp += "; frame-src " + strings.Join(origins, " ")
	}
	return p.write(w, status, page, data, csp)
}

func (p *Pages) write(w http.ResponseWriter, status int, page string, data any, csp string) error {
	var body bytes.Buffer
	view := struct {
		Brand string
		Page  any
	}{p.brand, data}
	if err := p.templates[page].ExecuteTemplate(&body, "layout", view); err != nil {
		return fmt.Errorf("ui: rendering %s: %w", page, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", csp)
	w.WriteHeader(status)
	_, err := w.Write(body.Bytes())
	return err
}

// policy allows no script but ours, where a page has one.
func policy(script bool, formAction []string) string {
	scripts := ""
	if script {
		scripts = "script-src 'self'; "
	}
	return "default-src 'none'; " + scripts + "style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action " +
		strings.Join(append([]string{"'self'"}, formAction...), " ")
}

// Static serves the style sheet and the icon below /static/.
func Static() http.Handler {
	files, err := fs.Sub(staticFiles, "static")
	if err != nil {
		return http.NotFoundHandler() // the directory is embedded; it is there
	}
	serve := http.StripPrefix("/static/", http.FileServerFS(files))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r) // files, not a list of them
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=3600")
		serve.ServeHTTP(w, r)
	})
}

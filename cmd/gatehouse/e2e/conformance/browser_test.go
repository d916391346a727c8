package conformance

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// browser is one person's browser, without script: it keeps cookies, follows
// redirects and refreshes, loads frames, and fills in forms by id.
type browser struct {
	t      *testing.T
	client *http.Client
	// login is who types at the upstream.
	login string
	// logins and consents count the forms that were filled in.
	logins, consents int
	// frames are the addresses of the frames that were loaded.
	frames []string
}

// page is where a browser ended up.
type page struct {
	url    *url.URL
	status int
	header http.Header
	body   string
	doc    *html.Node
	// posted is the form that led here, if one did without a redirect.
	posted url.Values
}

func (s *server) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := s.newClient()
	client.Jar = jar
	return &browser{t: t, client: client, login: alice}
}

func (b *browser) get(target string) *page {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.open(req)
}

// post submits a form from a page of the origin.
func (b *browser) post(target string, form url.Values, origin string) *page {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", origin)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	if originOf(req.URL) == origin {
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	return b.open(req)
}

func originOf(u *url.URL) string { return u.Scheme + "://" + u.Host }

// open loads a page and goes on to where it leads.
func (b *browser) open(req *http.Request) *page {
	b.t.Helper()
	for range 20 {
		p := b.load(req)
		next := p.header.Get("Location")
		if next == "" {
			b.loadFrames(p)
			next = p.refresh()
		}
		if next == "" {
			return p
		}
		target, err := p.url.Parse(next)
		if err != nil {
			b.t.Fatalf("redirect to %q: %v", next, err)
		}
		if req, err = http.NewRequest(http.MethodGet, target.String(), nil); err != nil {
			b.t.Fatal(err)
		}
	}
	b.t.Fatal("too many redirects")
	return nil
}

func (b *browser) load(req *http.Request) *page {
	b.t.Helper()
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	doc, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		b.t.Fatal(err)
	}
	return &page{url: req.URL, status: resp.StatusCode, header: resp.Header, body: string(body), doc: doc}
}

// loadFrames loads what the page embeds and its policy lets it.
func (b *browser) loadFrames(p *page) {
	b.t.Helper()
	_, allowed, _ := strings.Cut(p.header.Get("Content-Security-Policy"), "frame-src ")
	for _, frame := range p.all(func(n *html.Node) bool { return n.Data == "iframe" }) {
		target, err := p.url.Parse(attribute(frame, "src"))
		if err != nil || !slices.Contains(strings.Fields(allowed), originOf(target)) {
			b.t.Errorf("the policy %q keeps the frame %q from loading", allowed, attribute(frame, "src"))
			continue
		}
		req, err := http.NewRequest(http.MethodGet, target.String(), nil)
		if err != nil {
			b.t.Fatal(err)
		}
		b.load(req)
		b.frames = append(b.frames, target.String())
	}
}

// refresh is where a page leads on without script.
func (p *page) refresh() string {
	for _, meta := range p.all(func(n *html.Node) bool { return n.Data == "meta" && attribute(n, "http-equiv") == "refresh" }) {
		if _, target, ok := strings.Cut(attribute(meta, "content"), "url="); ok {
			return target
		}
	}
	return ""
}

func (p *page) all(wanted func(*html.Node) bool) []*html.Node {
	var found []*html.Node
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && wanted(n) {
			found = append(found, n)
		}
	}
	return found
}

// element is the element with the id, or nil.
func (p *page) element(id string) *html.Node {
	if found := p.all(func(n *html.Node) bool { return attribute(n, "id") == id }); len(found) > 0 {
		return found[0]
	}
	return nil
}

// text is what the element with the id says.
func (p *page) text(id string) string {
	var text strings.Builder
	if n := p.element(id); n != nil {
		for d := range n.Descendants() {
			if d.Type == html.TextNode {
				text.WriteString(d.Data)
			}
		}
	}
	return text.String()
}

// submit fills in the form around the button with the id and presses it.
func (b *browser) submit(p *page, button string, fill map[string]string) *page {
	b.t.Helper()
	pressed := p.element(button)
	form := pressed
	for form != nil && form.Data != "form" {
		form = form.Parent
	}
	if form == nil {
		b.t.Fatalf("no #%s on %s (status %d):\n%s", button, p.url, p.status, p.body)
	}
	values := fields(form)
	if name := attribute(pressed, "name"); name != "" {
		values.Set(name, attribute(pressed, "value"))
	}
	for id, value := range fill {
		values.Set(attribute(p.element(id), "name"), value)
	}
	target, err := p.url.Parse(attribute(form, "action"))
	if err != nil {
		b.t.Fatal(err)
	}
	next := b.post(target.String(), values, originOf(p.url))
	if next.url.String() == target.String() {
		next.posted = values
	}
	return next
}

// fields are the values of a form as they stand.
func fields(form *html.Node) url.Values {
	values := url.Values{}
	for n := range form.Descendants() {
		if n.Type != html.ElementNode || n.Data != "input" || attribute(n, "name") == "" || carries(n, "disabled") {
			continue
		}
		if attribute(n, "type") != "checkbox" || carries(n, "checked") {
			values.Add(attribute(n, "name"), attribute(n, "value"))
		}
	}
	return values
}

func attribute(n *html.Node, name string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func carries(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// wantsNothingKept checks the page of a form_post: its form may go to the client
// alone, and nobody keeps a copy.
func (b *browser) wantsNothingKept(p *page) {
	b.t.Helper()
	form := p.element("continue")
	for form != nil && form.Data != "form" {
		form = form.Parent
	}
	target, err := p.url.Parse(attribute(form, "action"))
	_, allowed, _ := strings.Cut(p.header.Get("Content-Security-Policy"), "form-action ")
	allowed, _, _ = strings.Cut(allowed, ";")
	if err != nil || !slices.Contains(strings.Fields(allowed), originOf(target)) || !strings.Contains(p.header.Get("Cache-Control"), "no-store") {
		b.t.Errorf("a form to %s under %q, %q", attribute(form, "action"), allowed, p.header.Get("Cache-Control"))
	}
}

// onward takes the person through sign-in and consent, as far as each is asked.
func (b *browser) onward(p *page) *page {
	b.t.Helper()
	for range 6 {
		switch {
		case p.element("password") != nil:
			b.logins++
			p = b.submit(p, "submit", map[string]string{"username": b.login, "password": password})
		case p.element("username") != nil: // which organisation's sign-in?
			p = b.submit(p, "submit", map[string]string{"username": b.login})
		case p.element("allow") != nil:
			b.consents++
			p = b.submit(p, "allow", nil)
		case p.element("continue") != nil: // a form that a script would send
			b.wantsNothingKept(p)
			p = b.submit(p, "continue", nil)
		default:
			return p
		}
	}
	b.t.Fatalf("no end of pages at %s", p.url)
	return nil
}

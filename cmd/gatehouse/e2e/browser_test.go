package e2e_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// browser is a browser without script: it keeps cookies, follows redirects,
// and fills in forms.
type browser struct {
	t      testing.TB
	client *http.Client
	stopAt string // a redirect to here is where the browser stops
}

// page is where a browser ended up.
type page struct {
	url    *url.URL
	status int
	header http.Header
	body   string
	// back is the redirect URI with its parameters, when the browser was sent
	// back to the client.
	back *url.URL
}

func newBrowser(t testing.TB, stopAt string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, stopAt: stopAt, client: &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (b *browser) get(target string) *page {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.go_(req)
}

func (b *browser) post(target string, values url.Values) *page {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodPost, target, strings.NewReader(values.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", req.URL.Scheme+"://"+req.URL.Host)
	return b.go_(req)
}

func (b *browser) go_(req *http.Request) *page {
	b.t.Helper()
	for range 20 {
		resp, err := b.client.Do(req)
		if err != nil {
			b.t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		p := &page{url: req.URL, status: resp.StatusCode, header: resp.Header, body: string(body)}
		next := resp.Header.Get("Location")
		if refresh := metaRefresh(p.body); next == "" && refresh != "" {
			next = refresh
		}
		if next == "" {
			return p
		}
		target, err := req.URL.Parse(next)
		if err != nil {
			b.t.Fatalf("redirect to %q: %v", next, err)
		}
		if b.stopAt != "" && strings.HasPrefix(target.String(), b.stopAt) {
			p.back = target
			return p
		}
		if req, err = http.NewRequest(http.MethodGet, target.String(), nil); err != nil {
			b.t.Fatal(err)
		}
	}
	b.t.Fatal("too many redirects")
	return nil
}

// metaRefresh is where a page leads on without script.
func metaRefresh(body string) string {
	_, rest, ok := strings.Cut(body, `http-equiv="refresh" content="0;url=`)
	if !ok {
		return ""
	}
	target, _, _ := strings.Cut(rest, `"`)
	return html.UnescapeString(target)
}

// submit fills in the page's form and presses the button with the id.
func (b *browser) submit(p *page, button string, fill map[string]string) *page {
	b.t.Helper()
	action, values := formOf(b.t, p, button)
	for name, value := range fill {
		values.Del(name)
		if value != "" {
			values.Set(name, value)
		}
	}
	target, err := p.url.Parse(action)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.post(target.String(), values)
}

// anyButton presses none, as a script would send the form.
const anyButton = ""

// formOf reads the first form of a page as a browser would submit it.
func formOf(t testing.TB, p *page, button string) (action string, values url.Values) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(p.body))
	if err != nil {
		t.Fatal(err)
	}
	values = url.Values{}
	found := button == anyButton
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode {
			switch n.Data {
			case "form":
				action = attr(n, "action")
			case "input":
				checkbox := attr(n, "type") == "checkbox"
				if attr(n, "name") != "" && !has(n, "disabled") && (!checkbox || has(n, "checked")) {
					values.Add(attr(n, "name"), attr(n, "value"))
				}
			case "button":
				if attr(n, "id") == button {
					found = true
					if attr(n, "name") != "" {
						values.Set(attr(n, "name"), attr(n, "value"))
					}
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(doc)
	if !found {
		t.Fatalf("no button #%s on %s (status %d):\n%s", button, p.url, p.status, p.body)
	}
	return action, values
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// authorization is an authorization request and what the client remembers.
type authorization struct {
	client   client
	verifier string
	params   url.Values
}

func (i issuer) authorization(c client, scope string, pairs ...string) authorization {
	verifier := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	a := authorization{client: c, verifier: verifier, params: url.Values{
		"client_id": {c.ID}, "redirect_uri": {c.RedirectURI}, "response_type": {"code"}, "scope": {scope},
		"state": {rand.Text()}, "nonce": {rand.Text()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}}
	for n := 0; n+1 < len(pairs); n += 2 {
		a.params.Del(pairs[n])
		if pairs[n+1] != "" {
			a.params.Set(pairs[n], pairs[n+1])
		}
	}
	return a
}

func (i issuer) authorizeURL(a authorization) string {
	return i.Issuer + "/oauth2/authorize?" + a.params.Encode()
}

// signIn takes a person through the upstream and consent, as far as each is
// asked for, and returns where the browser ended up.
func (b *browser) signIn(i issuer, a authorization, u user) *page {
	b.t.Helper()
	b.stopAt = a.client.RedirectURI
	p := b.get(i.authorizeURL(a))
	for range 4 {
		switch {
		case p.back != nil:
			return p
		case strings.Contains(p.body, `name="SAMLResponse"`):
			p = b.submit(p, "continue", nil)
		case strings.Contains(p.body, `id="password"`):
			p = b.submit(p, "submit", map[string]string{"username": u.Login, "password": u.Password})
		case strings.Contains(p.body, `id="allow"`):
			p = b.submit(p, "allow", nil)
		default:
			return p
		}
	}
	return p
}

// login signs a person in with a browser of their own and returns the tokens.
func (i issuer) login(t testing.TB, u user, c client, scope string) answer {
	t.Helper()
	a := i.authorization(c, scope)
	p := newBrowser(t, c.RedirectURI).signIn(i, a, u)
	return i.redeem(t, a, p)
}

// redeem exchanges the code a browser came back with.
func (i issuer) redeem(t testing.TB, a authorization, p *page) answer {
	t.Helper()
	if p.back == nil {
		t.Fatalf("the browser ended at %s with status %d:\n%s", p.url, p.status, p.body)
	}
	q := p.back.Query()
	if q.Get("state") != a.params.Get("state") || q.Get("iss") != i.Issuer || q.Get("code") == "" {
		t.Fatalf("callback %s", p.back)
	}
	return i.exchange(t, a, q.Get("code"))
}

func (i issuer) exchange(t testing.TB, a authorization, code string, pairs ...string) answer {
	t.Helper()
	return i.token(t, a.client, append([]string{
		"grant_type", "authorization_code", "code", code, "redirect_uri", a.params.Get("redirect_uri"), "code_verifier", a.verifier,
	}, pairs...)...)
}

package oauth_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// shownToThePerson checks that a request is refused without any redirect.
func (h *house) shownToThePerson(what string, parameters url.Values) {
	h.Helper()
	_, err := h.server.Authorize(h.Context(), parameters, h.clock.Now())
	if err == nil {
		h.Errorf("%s: accepted", what)
	}
	if _, ok := errors.AsType[*oauth.RedirectError](err); ok {
		h.Errorf("%s: redirected", what)
	}
	if e, ok := errors.AsType[*authz.Error](err); ok && e.Kind != authz.Invalid {
		h.Errorf("%s: kind %d", what, e.Kind)
	}
}

func TestRU_01_RU_02_RU_03_RU_04_OnlyTheRegisteredURIIsEverRedirectedTo(t *testing.T) {
	h := newHouse(t)
	for _, uri := range []string{
		callback + "/", "https://app.example/CB", "https://APP.example/cb", "HTTPS://app.example/cb", callback + "/x", callback + "?x=1",
		callback + "?", callback + "#", callback + "#f", "https://app.example/c%62", "https://app.example/%63b", "http://app.example/cb",
		"https://app.example@evil.example/cb", "https://app.example@evil@evil.example/cb", "https://app.example%40evil.example/cb",
		`https://app.example\@evil.example/cb`, "https://user@app.example/cb", "https://app.example/cb/..;/x", "https://app.example/cb/%2e%2e/x",
		"https://app.example/cb//", "https://app.example//cb", "https://app.example/./cb", "https://x.app.example/cb", "https://example/cb",
		"https://app.example.evil.example/cb", "https://аpp.example/cb", "https://app.example./cb", "https://app.example:443/cb",
		"https://app.example:8443/cb", "https://app.example\t/cb", "https://app.example\n/cb", " " + callback, callback + " ",
		"//app.example/cb", "/cb", "javascript:alert(1)", "data:text/html,x", callback + "\x00", callback + "\r\nX: y",
	} {
		h.shownToThePerson(uri, asked(h.web, "redirect_uri", uri))
		h.shownToThePerson(uri, asked(h.spa, "redirect_uri", uri))
	}
}

func TestRU_05_OnlyThePortOfAPublicClientsLoopbackAddressIsFree(t *testing.T) {
	h := newHouse(t)
	native := h.client(func(c *authz.Client) {
		c.AuthMethod = authz.AuthNone
		c.RedirectURIs = []string{"http://127.0.0.1/cb", "http://[::1]:4000/cb?x=1", "https://127.0.0.1/tls", "http://localhost:5000/cb"}
	})
	for _, uri := range []string{"http://127.0.0.1/cb", "http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", "http://[::1]/cb?x=1", "http://[::1]:9/cb?x=1", "http://localhost:5000/cb"} {
		h.authorize(asked(native, "redirect_uri", uri))
	}
	for _, uri := range []string{
		"http://127.0.0.1:1/cb/", "http://127.0.0.1:1/cb?x", "http://127.0.0.1:1/c%62", "https://127.0.0.1:1/cb", "http://127.0.0.1:1/tls",
		"https://127.0.0.1:999/tls", "http://user@127.0.0.1:1/cb", "http://127.0.0.1:65536/cb", "http://127.0.0.1:/cb", "http://127.0.0.1:1x/cb",
		"http://127.0.0.1:-1/cb", "http://127.0.0.1:+1/cb", "http://localhost/cb", "http://localhost:5001/cb", "http://127.1:1/cb", "http://2130706433/cb",
		"http://0.0.0.0:1/cb", "http://[::ffff:127.0.0.1]:1/cb", "http://127.0.0.2:1/cb", "http://127.0.0.10:1/cb", "http://127.0.0.1.evil.example/cb", "http://[::1]:9/cb",
		"http://127.0.0.1:1@evil.example/cb", `http://127.0.0.1:1\.evil.example/cb`, "HTTP://127.0.0.1:1/cb", "http://127.0.0.1:1/cb#f", "http://[::1%25lo]:1/cb?x=1",
	} {
		h.shownToThePerson(uri, asked(native, "redirect_uri", uri))
	}
	web := h.client(func(c *authz.Client) { c.RedirectURIs = []string{"http://127.0.0.1/cb"} })
	h.authorize(asked(web, "redirect_uri", "http://127.0.0.1/cb"))
	h.shownToThePerson("a confidential client's port", asked(web, "redirect_uri", "http://127.0.0.1:1/cb"))
}

func TestRU_05_ACodeForALoopbackPortIsRedeemedWithThatPort(t *testing.T) {
	h := newHouse(t)
	native := h.client(func(c *authz.Client) {
		c.AuthMethod, c.RedirectURIs = authz.AuthNone, []string{"http://127.0.0.1/cb", "com.example.app:/cb"}
	})
	for _, uri := range []string{"http://127.0.0.1:40001/cb", "com.example.app:/cb"} {
		r := h.approved(asked(native, "redirect_uri", uri))
		if !strings.HasPrefix(r.Location(), uri+"?") {
			t.Errorf("location %q", r.Location())
		}
		if _, err := h.redeem(native, r.Parameters.Get("code"), "redirect_uri", uri); err != nil {
			t.Errorf("%s: %v", uri, err)
		}
	}
	code := h.approved(asked(native, "redirect_uri", "http://127.0.0.1:40001/cb")).Parameters.Get("code")
	_, err := h.redeem(native, code, "redirect_uri", "http://127.0.0.1:40002/cb")
	h.wants("another port", err, "invalid_grant")
}

func TestRU_06_RU_07_WhatMustNotBeRegistered(t *testing.T) {
	for _, uri := range []string{
		"", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "about:blank", "blob:x", "ftp://x.example/",
		"https://*.app.example/cb", "https://app.example/*", "https://app.example/.*\\", "https:", "https:///cb", "https://", "https:app.example", "//app.example/cb", "/cb",
		"https://:443/cb", "http://app.example/cb", "http://0.0.0.0/cb", "http://127.0.0.2/cb", "http://localhost.evil.example/cb", "https://u@app.example/", "https://u:p@app.example/",
		callback + "#", callback + "#f", "https://app.example/ cb", "https://app.example/\n", "https://app.example\\@evil.example/", "myapp:/cb", "https://app.example;script-src/cb",
		"https://app.example,evil.example/cb", "https://app'example/cb", "https://аpp.example/cb", "https://app.example%2eevil/cb", "https://app.example:port/cb", "https://" + strings.Repeat("a", 2048),
		"http://127.0.0.1:0x50/cb", "https://[::1", "https://app.example:/cb",
	} {
		if err := oauth.CheckRedirectURI(uri); err == nil {
			t.Errorf("%q may be registered", uri)
		}
	}
	for _, uri := range []string{
		callback, callback + "?a=b", "https://app.example:8443/cb", "https://xn--pp-eka.example/cb", "https://[2001:db8::1]/cb", "https://10.0.0.1/cb", "https://my_host.example/cb",
		"http://127.0.0.1/cb", "http://127.0.0.1:80/cb", "http://[::1]/cb", "http://localhost:3000/cb", "com.example.app:/cb", "com.example.app://cb",
	} {
		if err := oauth.CheckRedirectURI(uri); err != nil {
			t.Errorf("%q: %v", uri, err)
		}
	}
}

func TestRU_08_ARequestWithoutARedirectURIStaysHere(t *testing.T) {
	h := newHouse(t)
	h.shownToThePerson("none", asked(h.web, "redirect_uri", ""))
	two := h.client(func(c *authz.Client) { c.RedirectURIs = []string{callback, callback + "2"} })
	h.shownToThePerson("none of two", asked(two, "redirect_uri", ""))
}

func TestRU_10_ABadURIIsNotRedirectedToForAnotherFault(t *testing.T) {
	h := newHouse(t)
	for _, fault := range [][]string{{"scope", "admin:all"}, {"response_type", "token"}, {"prompt", "none login"}, {"state", strings.Repeat("s", 20<<10)}, {"request", "x"}} {
		h.shownToThePerson(fault[0], asked(h.web, append([]string{"redirect_uri", "https://evil.example/cb"}, fault...)...))
	}
}

// strip is another way to say which part of a loopback URI is free.
func strip(uri string) (string, bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || u.User != nil || (u.Hostname() != "127.0.0.1" && u.Hostname() != "::1") || strings.Contains(uri, "#") {
		return "", false
	}
	return strings.Replace(uri, u.Host, strings.TrimSuffix(u.Host, ":"+u.Port()), 1), true
}

// FuzzRedirectURIs holds the matcher against plain equality: for a
// confidential client they agree; what a public client gets beyond it is the
// port of a loopback address and nothing else.
func FuzzRedirectURIs(f *testing.F) {
	for _, pair := range [][2]string{
		{callback, callback}, {callback, callback + "/"}, {"http://127.0.0.1/cb", "http://127.0.0.1:9/cb"}, {"http://[::1]:1/", "http://[::1]/"},
		{"http://127.0.0.1/cb", "http://127.0.0.1@evil/cb"}, {"http://127.0.0.1/a:1/", "http://127.0.0.1/a:2/"}, {"", ""},
	} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, registered, asked string) {
		uris := []string{registered}
		for _, method := range []string{authz.AuthNone, authz.AuthClientSecretBasic} {
			c := authz.Client{AuthMethod: method, RedirectURIs: uris}
			got, equal := oauth.MatchesRedirectURI(c, asked), slices.Contains(uris, asked)
			if got == equal {
				continue
			}
			a, ok := strip(registered)
			b, too := strip(asked)
			if !got || !c.Public() || !ok || !too || a != b {
				t.Errorf("%s: registered %q, asked %q: %t", method, registered, asked, got)
			}
		}
	})
}

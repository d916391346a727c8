package oauth_test

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

func FuzzBasic(f *testing.F) {
	encode := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, header := range []string{encode("id:secret"), encode("a%3Ab:c"), encode("%zz:x"), encode(":"), "Basic", "basic  !", "", encode("a:b:c"), encode("a+b:c%20d")} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		id, secret, ok := oauth.ParseBasic(header)
		if !ok {
			return
		}
		if id == "" || secret == "" {
			t.Errorf("%q gave an empty half", header)
		}
		again, same, ok := oauth.ParseBasic(basic(id, secret))
		if !ok || again != id || same != secret {
			t.Errorf("%q, %q encoded and decoded: %q, %q", id, secret, again, same)
		}
	})
}

func FuzzVerifier(f *testing.F) {
	f.Add(verifier, challenge(verifier))
	f.Add("", "")
	f.Add("x", "")
	f.Add("", "x")
	f.Add(challenge(verifier), challenge(verifier))
	f.Fuzz(func(t *testing.T, sent, kept string) {
		got := oauth.VerifierMatches(sent, kept)
		want := sent == "" && kept == ""
		if kept != "" {
			want = len(sent) >= 43 && len(sent) <= 128 && challenge(sent) == kept && strings.Trim(sent, unreserved) == "" && url.PathEscape(sent) == sent
		}
		if got && !want {
			t.Errorf("verifier %q matched %q", sent, kept)
		}
		if strings.Trim(sent, unreserved) == "" && got != want {
			t.Errorf("verifier %q, challenge %q: %t", sent, kept, got)
		}
	})
}

const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

// FuzzAuthorize throws queries at the endpoint: nothing panics, and whatever
// is redirected goes to the registered URI.
func FuzzAuthorize(f *testing.F) {
	for _, query := range []string{"prompt=none+login", "state=%ff", "scope=openid&scope=x", "max_age=-1&request=x", "redirect_uri=https://evil.example", "client_id=x", "code_challenge=&nonce=n", "resource=x&response_mode=fragment"} {
		f.Add(query)
	}
	h := newHouse(f)
	f.Fuzz(func(t *testing.T, query string) {
		parameters, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		for name, values := range asked(h.web) {
			if !parameters.Has(name) {
				parameters[name] = values
			}
		}
		req, err := h.server.Authorize(t.Context(), parameters, h.clock.Now())
		e, redirected := errors.AsType[*oauth.RedirectError](err)
		switch {
		case redirected && (e.Redirect.URI != callback || e.Redirect.Parameters.Get("iss") != issuerURL):
			t.Errorf("%q redirects to %q", query, e.Redirect.URI)
		case err == nil && (req.RedirectURI != callback || req.Client.ID != h.web.ID || len(req.Scopes) == 0):
			t.Errorf("%q was accepted as %+v", query, req)
		case authz.KindOf(err) == authz.Internal && err != nil:
			t.Errorf("%q: %v", query, err)
		}
	})
}

func FuzzParseUserCode(f *testing.F) {
	for _, typed := range []string{"BCDF-GHJK", "bcdf ghjk", "AAAA-AAAA", "ſſſſſſſſ", "", "\xff"} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		letters, ok := oauth.ParseUserCode(typed)
		if !ok {
			return
		}
		if len(letters) != 8 || strings.Trim(letters, "BCDFGHJKLMNPQRSTVWXZ") != "" {
			t.Fatalf("%q is %q", typed, letters)
		}
		if again, ok := oauth.ParseUserCode(oauth.ShowUserCode(letters)); !ok || again != letters {
			t.Fatalf("%q is shown as %q", letters, oauth.ShowUserCode(letters))
		}
	})
}

package oauth_test

import (
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// pushed is the request URI of a request that the client pushed.
func (h *house) pushed(c authz.Client, more ...string) string {
	h.Helper()
	in := h.from(c)
	for name, values := range asked(c, more...) {
		in.Form[name] = values
	}
	resp := made(h.server.Push(h.Context(), in))(h)
	if !strings.HasPrefix(resp.RequestURI, "urn:ietf:params:oauth:request_uri:") || resp.ExpiresIn != 60 {
		h.Fatalf("the answer to a push: %+v", resp)
	}
	return resp.RequestURI
}

func outer(c authz.Client, requestURI string, more ...string) url.Values {
	return pairs(append([]string{"client_id", string(c.ID), "request_uri", requestURI}, more...)...)
}

func TestPA_01_APushedRequestCountsAndNothingTheBrowserAdds(t *testing.T) {
	h := newHouse(t)
	uri := h.pushed(h.web, "state", "inside", "nonce", "n", "scope", "openid")
	req := h.authorize(outer(h.web, uri, "scope", "openid monitoring:admin", "state", "outside", "prompt", "none", "redirect_uri", "https://evil.example/"))
	if req.State != "inside" || strings.Join(req.Scopes, " ") != "openid" || len(req.Prompt) != 0 || req.RedirectURI != callback || req.Nonce != "n" {
		t.Errorf("the request: %+v", req)
	}
	if uri := h.pushed(h.web); h.authorize(outer(h.web, uri, "state", "outside")).State != "" {
		t.Error("a state from outside was believed")
	}
}

func TestPA_02_ARequestURIIsUsedOnce(t *testing.T) {
	h := newHouse(t)
	uri := h.pushed(h.web)
	var won atomic.Int64
	var all sync.WaitGroup
	start := make(chan struct{})
	for range 16 {
		req := h.authorize(outer(h.web, uri)) // before it is used, it may be loaded often
		all.Go(func() {
			<-start
			_, err := h.server.Approve(t.Context(), req, oauth.Approval{Session: h.session, AccountID: h.account.ID, Scopes: req.Scopes})
			if err == nil {
				won.Add(1)
			}
		})
	}
	close(start)
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d codes came of one pushed request", won.Load())
	}
	h.shownToThePerson("a used request URI", outer(h.web, uri))
}

func TestPA_03_ARequestURIIsItsClientsAndShort(t *testing.T) {
	h := newHouse(t)
	uri := h.pushed(h.web)
	h.shownToThePerson("another client's", outer(h.spa, uri))
	h.shownToThePerson("an unknown one", outer(h.web, uri+"x"))
	h.shownToThePerson("no client_id", pairs("request_uri", uri))
	twice := outer(h.web, uri)
	twice.Add("request_uri", h.pushed(h.web))
	h.shownToThePerson("two", twice)
	h.clock.advance(time.Minute - time.Nanosecond)
	h.authorize(outer(h.web, uri))
	h.clock.advance(time.Nanosecond)
	h.shownToThePerson("a minute old", outer(h.web, uri))
}

func TestRFC9101_5_ARequestObjectBesideAPushedRequestIsRefused(t *testing.T) {
	h := newHouse(t)
	app, k := h.keyed(func(*authz.Client) {})
	uri := h.pushed(h.web)
	for _, object := range []string{"x", "", k.sign(nil, h.object(h.web))} {
		h.shownToThePerson("a request object beside it", outer(h.web, uri, "request", object))
		code, e := h.redirected(outer(h.web, uri, "request", object, "redirect_uri", callback, "state", "s"))
		if code != "invalid_request" || e.Redirect.Parameters.Get("state") != "s" {
			t.Errorf("told to the client: %q", code)
		}
	}
	in := h.asserted(app, k)
	for name, values := range asked(app) {
		in.Form[name] = values
	}
	signed := outer(app, made(h.server.Push(t.Context(), in))(t).RequestURI, "request", k.sign(nil, h.object(app)))
	h.shownToThePerson("its own request object", signed)
	h.authorize(outer(h.web, uri)) // it was not used up
}

func TestPA_04_WhatIsWrongIsSaidAtOnceAndNothingIsKept(t *testing.T) {
	h := newHouse(t)
	for want, more := range map[string][]string{
		"invalid_scope":             {"scope", "unheard:of"},
		"unsupported_response_type": {"response_type", "code id_token"},
		"invalid_request":           {"redirect_uri", "https://evil.example/"},
	} {
		in := h.from(h.web)
		for name, values := range asked(h.web, more...) {
			in.Form[name] = values
		}
		_, err := h.server.Push(t.Context(), in)
		h.wants(want, err, want)
	}
	in := h.from(h.web)
	in.Form = asked(h.web, "request_uri", h.pushed(h.web))
	_, err := h.server.Push(t.Context(), in)
	h.wants("a request URI", err, "invalid_request")
	in.Authorization = basic(string(h.web.ID), "wrong")
	_, err = h.server.Push(t.Context(), in)
	h.wants("a wrong secret", err, "invalid_client")
	in = h.from(h.web)
	in.Form = asked(h.spa)
	_, err = h.server.Push(t.Context(), in)
	h.wants("another's client_id", err, "invalid_request")
}

func TestPA_05_NoSecretOfAClientIsKept(t *testing.T) {
	h := newHouse(t)
	post := h.client(func(c *authz.Client) { c.AuthMethod = authz.AuthClientSecretPost })
	in := oauth.Request{Form: asked(post, "client_secret", h.secrets[post.ID])}
	resp := made(h.server.Push(t.Context(), in))(t)
	digest := authz.Digest(strings.TrimPrefix(resp.RequestURI, "urn:ietf:params:oauth:request_uri:"))
	row := made(h.store.GetPushedRequest(t.Context(), issuer, post.ID, digest))(t)
	if strings.Contains(row.Parameters, h.secrets[post.ID]) || strings.Contains(row.Parameters, "client_secret") {
		t.Error("a client's secret is in the database")
	}
}

func TestPA_06_AClientThatMustPushCannotGoWithout(t *testing.T) {
	h := newHouse(t)
	c := h.client(func(c *authz.Client) { c.Metadata.RequirePushed = true })
	if code, _ := h.redirected(asked(c)); code != "invalid_request" {
		t.Errorf("a request that was not pushed: %q", code)
	}
	h.authorize(outer(c, h.pushed(c)))
}

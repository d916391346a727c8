package oauth_test

import (
	"context"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// change changes a key as the operator.
func (h *house) change(k authz.APIKey, c apikey.Change) {
	h.Helper()
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:keys"}}
	_, err := h.keys.Update(h.Context(), by, authz.Origin{}, h.workspace.ID, k.ID, c)
	h.ok(err)
}

func (h *house) withKey(text string, more ...string) (*oauth.TokenResponse, error) {
	return h.token(oauth.Request{Authorization: "Bearer " + text, Form: pairs(append([]string{"grant_type", "client_credentials"}, more...)...)})
}

func bothScopes(r *apikey.Request) { r.Scopes = []string{"monitor:read", "monitor:write"} }

func TestU5_WhatAKeyLosesItsTokensLoseAtOnce(t *testing.T) {
	states := map[string]apikey.Change{
		"a scope":    {Scopes: &[]string{"monitor:read"}},
		"a resource": {Resources: &authz.Resources{Clusters: []string{"eu-1"}}},
		"its life":   {State: new(authz.Disabled)},
		"its end":    {ExpiresAt: new(time.Now().Add(time.Hour / 2))},
	}
	for name, c := range states {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			k, text := h.key(bothScopes, func(r *apikey.Request) { r.Resources.Clusters = []string{"eu-1", "eu-2"} })
			token := made(h.withKey(text))(t).AccessToken
			exchanged := made(h.swap(h.exchanger(), token))(t).AccessToken
			fromKey := made(h.swapOf(h.exchanger(operators), oauth.TypeAPIKey, text))(t).AccessToken
			h.alive("before", token, exchanged, fromKey, authz.Secret(text))
			h.change(k, c)
			h.dead("after", token, exchanged, fromKey)
			if name == "its life" {
				_, err := h.withKey(text)
				h.wants("a disabled key", err, "invalid_client")
				h.change(k, apikey.Change{State: new(authz.Active)})
				h.dead("enabled again", token, exchanged, fromKey)
			}
			in, _ := h.lookup(made(h.withKey(text))(t).AccessToken)
			if name == "a scope" && in.Scope != "monitor:read" || name == "a resource" && len(in.Resources.Clusters) != 1 {
				t.Errorf("a new token is %+v", in)
			}
		})
	}
}

func TestRL_09_U27_WhatOnlyRestrictsTheKeyLeavesItsTokensAlive(t *testing.T) {
	h := newHouse(t)
	k, text := h.key(bothScopes)
	token := made(h.withKey(text))(t).AccessToken
	for _, c := range []apikey.Change{
		{Name: new("renamed")}, {IPAllowlist: &[]string{"192.0.2.0/24"}}, {ExpiresAt: new(time.Now().Add(48 * time.Hour))},
	} {
		h.change(k, c)
		h.alive("after", token)
	}
	for _, credential := range []authz.Secret{token, authz.Secret(text)} {
		r := made(h.verifier.Lookup(t.Context(), credential))(t)
		if r.UsableFrom("198.51.100.1") || !r.UsableFrom("192.0.2.9") {
			t.Error("RL-09: the allow-list does not hold at once")
		}
	}
}

// What is asked for with a key is issued as the key is when the token hangs on
// it, not as it was a moment before; that it moved is no reason to refuse (S33).
func TestAK12_NothingWiderComesOfAKeyThatIsNarrowedMeanwhile(t *testing.T) {
	h := newHouse(t)
	var k authz.APIKey
	config, look := h.config, h.config.LookupKey
	meanwhile := func() {}
	config.LookupKey = func(ctx context.Context, text authz.Secret) (*authz.Credential, error) {
		found, err := look(ctx, text)
		meanwhile()
		return found, err
	}
	h.server = made(oauth.New(config))(t)
	narrow := func() {
		meanwhile = func() {}
		h.change(k, apikey.Change{Scopes: &[]string{"monitor:read"}})
	}
	over := func(store oauth.Store) {
		config.Store = store
		h.server = made(oauth.New(config))(t)
	}
	end := time.Now().Add(time.Hour / 2)
	restless := func() { // each look is followed by a change
		end = end.Add(-time.Minute)
		h.change(k, apikey.Change{ExpiresAt: &end})
	}

	var text string
	t.Run("client credentials", func(t *testing.T) {
		k, text = h.key(bothScopes)
		meanwhile = narrow
		if got := made(h.withKey(text))(t); got.Scope != "monitor:read" {
			t.Errorf("issued %q", got.Scope)
		}
		k, text = h.key(bothScopes)
		meanwhile = narrow
		_, err := h.withKey(text, "scope", "monitor:write")
		h.wants("what it has lost", err, "invalid_scope")
		k, text = h.key(bothScopes)
		meanwhile = func() {
			meanwhile = func() {}
			h.change(k, apikey.Change{State: new(authz.Disabled)})
		}
		_, err = h.withKey(text)
		h.wants("a key that ends", err, "invalid_client")
		k, text = h.key(bothScopes)
		meanwhile = restless
		_, err = h.withKey(text)
		h.wants("a key without rest", err, "temporarily_unavailable")
		meanwhile = func() {}
	})
	t.Run("exchange of a token", func(t *testing.T) {
		k, text = h.key(bothScopes)
		token := made(h.withKey(text))(t).AccessToken
		over(interleaved{h.config.Store, narrow})
		defer over(h.config.Store)
		_, err := h.swap(h.exchanger(), token)
		h.wants("it ended with what the key lost", err, "invalid_request")
	})
	t.Run("exchange of a key", func(t *testing.T) {
		k, text = h.key(bothScopes)
		meanwhile = narrow
		if got := made(h.swapOf(h.exchanger(operators), oauth.TypeAPIKey, text))(t); got.Scope != "monitor:read" {
			t.Errorf("issued %q", got.Scope)
		}
		k, text = h.key(bothScopes)
		meanwhile = restless
		_, err := h.swapOf(h.exchanger(operators), oauth.TypeAPIKey, text)
		h.wants("a key without rest", err, "temporarily_unavailable")
		meanwhile = func() {}
	})
}

// interleaved lets something happen just before the ancestors are read.
type interleaved struct {
	oauth.Store
	before func()
}

func (i interleaved) Lineage(ctx context.Context, refs []authz.NodeRef) (authz.Lineage, error) {
	i.before()
	return i.Store.Lineage(ctx, refs)
}

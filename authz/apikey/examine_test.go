package apikey_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

func TestU1_U2_U3_U8_AnExaminedKeySaysWhatItIsBoundTo(t *testing.T) {
	h := newHouse(t)
	examine := h.keys.Examiner("https://up.example", []string{"https://api.up.example"}, h.store)
	key, text := h.mint(func(r *apikey.Request) {
		r.Scopes = []string{"monitor:read", "alert:read"}
		r.Resources = authz.Resources{Clusters: []string{"eu-1"}}
		r.ExpiresAt = h.clock.Now().Add(time.Hour)
	})
	c, err := examine(t.Context(), text)
	h.check(err)
	in, subject := c.Introspection, string(key.ServiceAccountID)
	if !in.Active || in.CredentialType != authz.CredentialAPIKey || in.TokenType != "Bearer" || in.Scope != "monitor:read alert:read" ||
		in.Sub != subject || in.ClientID != subject || in.Iss != "https://up.example" || in.KeyID != key.ID {
		t.Errorf("introspection %+v", in)
	}
	if in.WorkspaceID != h.ws.ID || in.AccountID != h.ws.AccountID || in.Environment != authz.Live || in.Exp != key.ExpiresAt.Unix() ||
		in.Resources == nil || !slices.Equal(in.Resources.Clusters, []string{"eu-1"}) {
		t.Errorf("bound to %+v", in)
	}
	if c.Principal.Delegation != nil || !c.EndsAt.Equal(key.ExpiresAt) || !slices.Contains(c.Refs, authz.NodeRef{Kind: authz.APIKeyNode, ID: string(key.ID)}) {
		t.Errorf("credential %+v", c)
	}
}

func TestAnExaminedKeyCarriesItsDelegation(t *testing.T) {
	h := newHouse(t)
	c, err := h.keys.Examiner("https://up.example", nil, h.store)(t.Context(), h.operatorText)
	h.check(err)
	if d := c.Principal.Delegation; d == nil || !slices.Equal(d.Scopes, []string{"*"}) {
		t.Fatalf("delegation %+v", d)
	}
	if in := c.Introspection; in.WorkspaceID != "" || in.Exp != 0 || in.Resources != nil {
		t.Errorf("introspection %+v", in)
	}
	_, _, err = h.keys.Mint(t.Context(), c.Principal, origin, h.request())
	h.check(err)
}

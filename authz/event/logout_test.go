package event_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/event"
	"github.com/gatehouse-auth/gatehouse/authz/jwks"
	"github.com/gatehouse-auth/gatehouse/authz/secret"
	"github.com/gatehouse-auth/gatehouse/idp/outbound"
	"github.com/gatehouse-auth/gatehouse/storage"
)

// logouts is a logout sink on real parts, with one client.
type logouts struct {
	*testing.T
	store  *storage.Store
	set    *jwks.Set
	client authz.Client
	clock  *authz.StandingClock
	http   *http.Client
}

func newLogouts(t *testing.T, uri string) *logouts {
	t.Helper()
	l := &logouts{T: t, clock: authz.NewStandingClock()}
	var err error
	l.store, err = storage.Open(t.Context(), storage.Config{
		Driver: storage.SQLite, Path: filepath.Join(t.TempDir(), "gatehouse.db"), Clock: l.clock, AutoMigrate: true, OnMoved: func([]authz.NodeRef) {},
	})
	l.ok(err)
	t.Cleanup(func() { _ = l.store.Close() })
	ring, err := secret.NewKeyring([]secret.Root{{ID: "r1", Key: bytes.Repeat([]byte("r"), 32)}})
	l.ok(err)
	l.set, err = jwks.New(jwks.Config{
		Issuer: "up", Algorithms: []string{"ES256", "EdDSA"}, RotateEvery: 6 * time.Hour, PublishAhead: time.Hour, TokenTTL: time.Hour,
		Store: l.store, Sealer: ring, Clock: l.clock,
	})
	l.ok(err)
	l.ok(l.set.Rotate(t.Context()))
	l.client = authz.Client{
		ID: "cl_1", Issuer: "up", WorkspaceID: "ws_1", IDTokenAlgorithm: "EdDSA", State: authz.Active, Revision: 1,
		CreatedAt: l.clock.Now(), UpdatedAt: l.clock.Now(), Metadata: authz.ClientMetadata{BackchannelLogoutURI: uri},
	}
	l.ok(l.store.CreateClient(t.Context(), l.client, nil))
	l.http = outbound.NewClient(outbound.Config{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	return l
}

func (l *logouts) ok(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

func (l *logouts) deliver(client *http.Client) error {
	l.Helper()
	sink, err := event.NewLogoutSink(event.LogoutConfig{
		Issuer: "up", URL: "https://up.example", Clients: l.store, Signer: l.set, HTTP: client, Clock: l.clock,
		SubjectFor: func(authz.Client, authz.UserID) string { return "sub-1" },
	})
	l.ok(err)
	e, err := event.New("up", "ws_1", "logout", l.clock.Now(), authz.Logout{ClientID: "cl_1", Subject: "sub-1", SID: "sid_1"})
	l.ok(err)
	return sink.Deliver(context.Background(), e)
}

func TestLO_04_ALogoutTokenIsAsTheSpecificationSays(t *testing.T) {
	uri, got := receiver(t, status(http.StatusOK))
	l := newLogouts(t, uri+"/logout?tenant=1")
	l.clock.Advance(90 * time.Minute) // an event that waited is signed when it goes
	l.ok(l.set.Rotate(t.Context()))
	l.ok(l.deliver(l.http))
	l.ok(l.deliver(l.http))
	var ids []any
	for _, p := range *got {
		form, err := url.ParseQuery(string(p.body))
		l.ok(err)
		if p.contentType != "application/x-www-form-urlencoded" || len(form) != 1 || len(form["logout_token"]) != 1 {
			t.Fatalf("posted %s %v", p.contentType, form)
		}
		jws, err := jose.ParseSignedCompact(form["logout_token"][0], []jose.SignatureAlgorithm{jose.EdDSA})
		l.ok(err)
		if typ := jws.Signatures[0].Protected.ExtraHeaders[jose.HeaderType]; typ != "logout+jwt" {
			t.Errorf("typ %v", typ)
		}
		payload, _, err := l.set.Verify(t.Context(), form["logout_token"][0])
		l.ok(err)
		var claims map[string]any
		l.ok(json.Unmarshal(payload, &claims))
		iat, exp := claims["iat"].(float64), claims["exp"].(float64)
		if now := float64(l.clock.Now().Unix()); now-iat > 5 || exp-iat > 120 || exp <= iat {
			t.Errorf("iat %v exp %v at %v", iat, exp, now)
		}
		events, _ := json.Marshal(claims["events"])
		if claims["iss"] != "https://up.example" || claims["aud"] != "cl_1" || claims["sub"] != "sub-1" || claims["sid"] != "sid_1" ||
			string(events) != `{"http://schemas.openid.net/event/backchannel-logout":{}}` || claims["nonce"] != nil || len(claims) != 8 {
			t.Errorf("claims %v", claims)
		}
		ids = append(ids, claims["jti"])
	}
	if len(ids) != 2 || ids[0] == ids[1] || ids[0] == "" {
		t.Errorf("jti %v", ids)
	}
}

func TestLO_04_WhatALogoutIsAnsweredDecidesWhetherItIsTriedAgain(t *testing.T) {
	for code, permanent := range map[int]bool{400: true, 410: true, 401: false, 404: false, 302: false, 500: false, 503: false} {
		uri, got := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(code)
		})
		err := newLogouts(t, uri).deliver(&http.Client{})
		f, ok := errors.AsType[*event.Failure](err)
		if !ok || f.Permanent != permanent || len(*got) != 1 {
			t.Errorf("%d: %v, %d requests", code, err, len(*got))
		}
	}
}

func TestLO_04_LogoutTokensGoNowhereStrangersMayNotReach(t *testing.T) {
	uri, got := receiver(t, status(http.StatusOK))
	l := newLogouts(t, uri)
	err := l.deliver(outbound.NewClient(outbound.Config{}))
	if !errors.Is(err, outbound.ErrBlocked) || len(*got) != 0 {
		t.Errorf("loopback was reached: %v, %d requests", err, len(*got))
	}
}

func TestAClientThatIsGoneOrNoLongerListensIsToldNothing(t *testing.T) {
	uri, got := receiver(t, status(http.StatusOK))
	l := newLogouts(t, uri)
	c := l.client
	c.Metadata.BackchannelLogoutURI = ""
	l.ok(l.store.UpdateClient(t.Context(), c))
	l.ok(l.deliver(l.http))
	c.Metadata.BackchannelLogoutURI, c.Revision = uri, 2
	l.ok(l.store.UpdateClient(t.Context(), c))
	l.ok(l.deliver(l.http))
	_, err := l.store.KillNode(t.Context(), "up", "ws_1", authz.NodeRef{Kind: authz.ClientNode, ID: "cl_1"}, authz.Disabled)
	l.ok(err)
	l.ok(l.deliver(l.http))
	if len(*got) != 1 {
		t.Errorf("told %d times", len(*got))
	}
}

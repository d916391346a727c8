package conformance

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

func TestOIDCC_BackchannelLogoutDiscoveryEndpointVerification(t *testing.T) {
	t.Parallel()
	m := theServer(t).metadata(t)
	if m.json["backchannel_logout_supported"] != true || m.json["backchannel_logout_session_supported"] != true || m.text("end_session_endpoint") == "" {
		t.Errorf("metadata %s", m.body)
	}
}

// wantLogoutToken checks the request and the token that came to the party's
// back channel (OpenID Connect Back-Channel Logout sections 2.4 and 2.5).
func (r *rp) wantLogoutToken(came heard, session tokens) {
	r.t.Helper()
	if came.method != http.MethodPost || len(came.form) != 1 || len(came.form["logout_token"]) != 1 || len(came.query) != 0 {
		r.t.Fatalf("the request was %+v", came)
	}
	claims := r.s.verified(r.t, came.form.Get("logout_token"), r.alg, "logout+jwt")
	iat, exp := seconds(claims, "iat"), seconds(claims, "exp")
	if claims["iss"] != r.s.URL || claims["aud"] != r.id || exp.Sub(iat) > 2*time.Minute || !exp.After(r.s.now()) || r.s.now().Sub(iat).Abs() > time.Minute {
		r.t.Errorf("logout token %v", claims)
	}
	events, _ := json.Marshal(claims["events"])
	if string(events) != `{"http://schemas.openid.net/event/backchannel-logout":{}}` {
		r.t.Errorf("events %s", events)
	}
	if jti, _ := claims["jti"].(string); jti == "" || claims["nonce"] != nil {
		r.t.Errorf("jti %v, nonce %v", claims["jti"], claims["nonce"])
	}
	if claims["sub"] != session.claims["sub"] || claims["sid"] != session.claims["sid"] || claims["sid"] == nil {
		r.t.Errorf("sub and sid are not the ID token's: %v, %v", claims, session.claims)
	}
}

func TestOIDCC_BackchannelRPInitiatedLogout(t *testing.T) {
	t.Parallel()
	s := theServer(t)
	for _, members := range []map[string]any{
		{}, {"id_token_signed_response_alg": "ES256"}, {"subject_type": "pairwise", "id_token_signed_response_alg": "PS256"},
	} {
		members["backchannel_logout_uri"], members["backchannel_logout_session_required"] = "{rp}/backchannel", true
		r := s.register(t, members)
		b := s.browser(t)
		got := r.signIn(b)
		r.wantBye(b.get(r.logoutURL("id_token_hint", got.id, "post_logout_redirect_uri", r.page("/bye"), "state", longState())), longState())
		eventually(t, "the logout token comes", func() bool { return len(s.callbacks.at(r.name+"/backchannel")) > 0 })
		r.wantLogoutToken(s.callbacks.at(r.name + "/backchannel")[0], got)
		r.wantSignedOut(b)
	}
}

func TestOIDCC_BackchannelLogoutReachesEveryClientOfTheSessionAndNoOther(t *testing.T) {
	t.Parallel()
	s := theServer(t)
	listening := func(more map[string]any) *rp {
		members := map[string]any{"backchannel_logout_uri": "{rp}/backchannel"}
		for name, value := range more {
			members[name] = value
		}
		return s.register(t, members)
	}
	one, two, elsewhere := listening(nil), listening(map[string]any{"subject_type": "pairwise"}), listening(nil)
	b, another := s.browser(t), s.browser(t)
	first, second := one.signIn(b), two.signIn(b, "scope", "openid offline_access", "prompt", "consent")
	elsewhere.signIn(another)
	b.get(one.logoutURL("id_token_hint", first.id))
	eventually(t, "both are told", func() bool {
		return len(s.callbacks.at(one.name+"/backchannel")) == 1 && len(s.callbacks.at(two.name+"/backchannel")) == 1
	})
	one.wantLogoutToken(s.callbacks.at(one.name + "/backchannel")[0], first)
	two.wantLogoutToken(s.callbacks.at(two.name + "/backchannel")[0], second)
	if n := len(s.callbacks.at(elsewhere.name + "/backchannel")); n != 0 {
		t.Errorf("a client of another session was told %d times", n)
	}
	elsewhere.wantSignedIn(another)
}

func TestOIDCC_BackchannelLogoutWhenSomebodyElseSignsIn(t *testing.T) {
	t.Parallel()
	s := theServer(t)
	r := s.register(t, map[string]any{"backchannel_logout_uri": "{rp}/backchannel"})
	b := s.browser(t)
	first := r.signIn(b)
	b.login = bob
	second := r.signIn(b, "prompt", "login")
	if first.claims["sub"] == second.claims["sub"] || first.claims["sid"] == second.claims["sid"] {
		t.Fatalf("%v then %v", first.claims, second.claims)
	}
	eventually(t, "the logout token comes", func() bool { return len(s.callbacks.at(r.name+"/backchannel")) == 1 })
	r.wantLogoutToken(s.callbacks.at(r.name + "/backchannel")[0], first)
}

func TestLO_04_ALogoutTokenIsTriedAgainAndSignedAnew(t *testing.T) {
	t.Parallel()
	s := theServer(t)
	r := s.register(t, map[string]any{"backchannel_logout_uri": "{rp}/backchannel"})
	var tries atomic.Int32
	s.callbacks.answering(r.name+"/backchannel", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if tries.Add(1) == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	b := s.browser(t)
	got := r.signIn(b)
	b.get(r.logoutURL("id_token_hint", got.id))
	eventually(t, "a second try", func() bool { return len(s.callbacks.at(r.name+"/backchannel")) == 2 })
	var texts []string
	for _, came := range s.callbacks.at(r.name + "/backchannel") {
		r.wantLogoutToken(came, got)
		texts = append(texts, came.form.Get("logout_token"))
	}
	if len(slices.Compact(texts)) != 2 {
		t.Error("the same token came twice")
	}
}

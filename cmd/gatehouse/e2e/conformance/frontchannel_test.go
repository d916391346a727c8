package conformance

import (
	"testing"
)

func TestOIDCC_FrontchannelLogoutDiscoveryEndpointVerification(t *testing.T) {
	t.Parallel()
	m := theServer(t).metadata(t)
	if m.json["frontchannel_logout_supported"] != true || m.json["frontchannel_logout_session_supported"] != true || m.text("end_session_endpoint") == "" {
		t.Errorf("metadata %s", m.body)
	}
}

func TestOIDCC_FrontchannelRPInitiatedLogout(t *testing.T) {
	t.Parallel()
	s := theServer(t)
	r := s.register(t, map[string]any{"frontchannel_logout_uri": "{rp}/frontchannel?rp=1", "frontchannel_logout_session_required": true})
	quiet := s.register(t, nil)
	other := s.register(t, map[string]any{"frontchannel_logout_uri": "{rp}/frontchannel"})
	b := s.browser(t)
	got := r.signIn(b)
	quiet.signIn(b)
	other.signIn(b)
	r.wantBye(b.get(r.logoutURL("id_token_hint", got.id, "post_logout_redirect_uri", r.page("/bye"), "state", longState())), longState())
	if len(b.frames) != 2 {
		t.Errorf("frames %v", b.frames)
	}
	for _, party := range []*rp{r, other} {
		came := s.callbacks.at(party.name + "/frontchannel")
		if len(came) != 1 || came[0].query.Get("iss") != s.URL || came[0].query.Get("sid") != got.claims["sid"] {
			t.Errorf("the front channel heard %+v", came)
		}
	}
	if came := s.callbacks.at(r.name + "/frontchannel"); len(came) == 1 && came[0].query.Get("rp") != "1" {
		t.Errorf("the registered query is lost: %v", came[0].query)
	}
	r.wantSignedOut(b)
}

func TestOIDCC_FrontchannelLogoutAfterAQuestion(t *testing.T) {
	t.Parallel()
	s := theServer(t)
	r := s.register(t, map[string]any{"frontchannel_logout_uri": "{rp}/frontchannel"})
	b := s.browser(t)
	r.signIn(b)
	p := b.submit(b.get(r.logoutURL()), "confirm", nil)
	if p.element("signed_out") == nil || len(b.frames) != 1 {
		t.Errorf("at %s with frames %v", p.url, b.frames)
	}
}

package e2e_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// Every endpoint that costs something is bounded, by address and by client, and
// says when to come back; what is bounded is that endpoint alone.
func TestU24_RL01_EveryEndpointHasItsLimits(t *testing.T) {
	d := deploy(t, "sqlite", "")
	n := d.start(t)
	d.populate(t, n)
	token := func(n *node) answer {
		return n.form(t, "/oauth2/token", d.Clients.Service, "grant_type", "client_credentials")
	}
	introspect := func(n *node) answer {
		return n.form(t, "/oauth2/introspect", d.Clients.Introspector, "token", d.OperatorKey)
	}
	get := func(path string) func(n *node) answer {
		return func(n *node) answer { return sure(t)(n.try(http.MethodGet, path, "")) }
	}
	for name, ask := range map[string]func(n *node) answer{
		"TOKEN_PER_ADDRESS": token, "TOKEN_PER_CLIENT": token, "INTROSPECT_PER_ADDRESS": introspect, "INTROSPECT_PER_CLIENT": introspect,
		"AUTHORIZE_PER_ADDRESS": get("/oauth2/authorize?client_id=" + d.Clients.Web.ID), "LOGIN_PER_ADDRESS": get("/oidc/con_test/callback?state=x"),
		"LEAKS_PER_ADDRESS": func(n *node) answer {
			return sure(t)(n.try(http.MethodPost, "/v1/leaks/report", `{"key":"x"}`, "Content-Type", "application/json"))
		},
	} {
		n.end(syscall.SIGTERM)
		n = d.start(t, "GATEHOUSE_LIMITS_ENABLED=true", "GATEHOUSE_LIMITS_"+name+"_BURST=3", "GATEHOUSE_LIMITS_"+name+"_PER_SECOND=0.01")
		var last answer
		for k := range 4 {
			last = ask(n)
			if limited := last.status == http.StatusTooManyRequests; limited != (k == 3) {
				t.Errorf("%s: request %d: %d %s", name, k+1, last.status, last.body)
			}
		}
		if after := last.header.Get("Retry-After"); after == "" || after == "0" {
			t.Errorf("%s: Retry-After %q", name, after)
		}
		other := token
		if strings.HasPrefix(name, "TOKEN") {
			other = introspect
		}
		if a := other(n); a.status != http.StatusOK {
			t.Errorf("%s: another endpoint answers %d %s", name, a.status, a.body)
		}
	}
}

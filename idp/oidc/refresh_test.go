package oidc_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/oidc"
)

func TestARefreshTokenAsksWhetherThePersonIsStillKnown(t *testing.T) {
	r := newRig(t, nil, func(c *oidc.Config) { c.KeepRefreshToken = true })
	i, err := r.signIn(t, newLogin())
	if err != nil || i.RefreshToken == "" {
		t.Fatalf("%+v %v", i, err)
	}
	if text := fmt.Sprintf("%v %+v %#v", i, i, i); strings.Contains(text, i.RefreshToken.Reveal()) {
		t.Error("the token can be printed")
	}
	next, err := r.conn.Refresh(t.Context(), i.RefreshToken)
	if err != nil || next == "" || next == i.RefreshToken {
		t.Fatalf("%v: another token %t", err, next != i.RefreshToken)
	}
	for what, answer := range map[string]http.Handler{
		"status 500": idptest.Status(http.StatusInternalServerError), "status 429": idptest.Status(http.StatusTooManyRequests), "no JSON": idptest.Status(http.StatusOK),
		"another error":    says(http.StatusBadRequest, `{"error":"invalid_client"}`),
		"of status 401":    says(http.StatusUnauthorized, `{"error":"invalid_grant"}`),
		"of status 500":    says(http.StatusInternalServerError, `{"error":"invalid_grant"}`),
		"of status 403":    says(http.StatusForbidden, `{"access_token":"a","token_type":"Bearer"}`),
		"no access token":  says(http.StatusOK, `{"refresh_token":"r","token_type":"Bearer"}`),
		"only in a phrase": says(http.StatusBadRequest, `{"error":"x","error_description":"invalid_grant"}`),
	} {
		r.op.SetFaults(serve("/token", answer))
		if _, err := r.conn.Refresh(t.Context(), next); err == nil || reason(err) == idp.ReasonEnded || strings.Contains(err.Error(), next.Reveal()) {
			t.Errorf("%s: %v", what, err)
		}
	}
	r.op.SetFaults(serve("/token", says(http.StatusOK, `{"access_token":"a","token_type":"Bearer"}`)))
	if same, err := r.conn.Refresh(t.Context(), next); err != nil || same != next {
		t.Errorf("an upstream that rotates nothing: %v", err)
	}
	r.op.SetFaults(idptest.Faults{})
	r.op.Disable("s-ada")
	if _, err := r.conn.Refresh(t.Context(), next); reason(err) != idp.ReasonEnded {
		t.Errorf("a person who was disabled: %v", err)
	}
}

func TestWithoutTheConnectionsWordNoTokenOfTheUpstreamIsKept(t *testing.T) {
	r := newRig(t, nil, func(c *oidc.Config) { c.Scopes = []string{"openid", "offline_access"} })
	if i, err := r.signIn(t, newLogin()); err != nil || i.RefreshToken != "" {
		t.Errorf("%+v %v", i, err)
	}
}

func says(status int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

package oidc_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/oidc"
)

// trusted is an issuer of which nothing but its keys is of interest.
func trusted(t *testing.T) (*rig, *oidc.Issuer) {
	t.Helper()
	r := newRig(t, nil, nil)
	i, err := oidc.NewIssuer(oidc.IssuerConfig{Issuer: r.op.Issuer(), HTTP: client(time.Second), Now: r.Now})
	if err != nil {
		t.Fatal(err)
	}
	return r, i
}

func (r *rig) workload(t *testing.T, f idptest.Faults) string {
	t.Helper()
	serve := f.Serve
	r.op.SetFaults(f)
	token, err := r.op.WorkloadToken(map[string]any{"sub": "job", "exp": nil})
	if err != nil {
		t.Fatal(err)
	}
	r.op.SetFaults(idptest.Faults{Serve: serve})
	return token
}

func TestAnIssuersOwnTokensVerifyWithoutASignIn(t *testing.T) {
	r, i := trusted(t)
	r.op.SetFaults(idptest.Faults{})
	payload, err := i.Verify(t.Context(), r.workload(t, idptest.Faults{}))
	if err != nil || string(payload) == "" {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		faults idptest.Faults
		reason string
	}{
		"none":      {idptest.Faults{Signature: idptest.SignedNotAtAll}, idp.ReasonAlg},
		"public":    {idptest.Faults{Signature: idptest.SignedHS256WithPublic}, idp.ReasonAlg},
		"stranger":  {idptest.Faults{Signature: idptest.SignedByStranger}, idp.ReasonSignature},
		"unlisted":  {idptest.Faults{Signature: idptest.SignedByOtherType}, idp.ReasonAlg},
		"other typ": {idptest.Faults{Header: map[string]any{"typ": "at+jwt"}}, idp.ReasonType},
		"a kid":     {idptest.Faults{Header: map[string]any{"kid": "x"}}, idp.ReasonSignature},
	} {
		if _, err := i.Verify(t.Context(), r.workload(t, c.faults)); idp.ReasonOf(err) != c.reason {
			t.Errorf("%s: %v, want %s", what, err, c.reason)
		}
	}
	if _, err := i.Verify(t.Context(), "x.y.z"); idp.ReasonOf(err) != idp.ReasonIDToken {
		t.Error(err)
	}
}

func TestAnIssuersDocumentMustBeItsOwn(t *testing.T) {
	for what, c := range map[string]struct {
		serve  func(issuer string) http.Handler
		reason string
	}{
		"another issuer": {func(string) http.Handler {
			return idptest.JSON(map[string]any{"issuer": "https://evil.example", "jwks_uri": "https://evil.example/jwks"})
		}, idp.ReasonIssuerMismatch},
		"no keys": {func(issuer string) http.Handler { return idptest.JSON(map[string]any{"issuer": issuer}) }, idp.ReasonMetadata},
		"endless": {func(string) http.Handler { return idptest.Endless() }, idp.ReasonTooLarge},
		"away":    {func(string) http.Handler { return idptest.Status(http.StatusBadGateway) }, idp.ReasonUnavailable},
		"another algorithm": {func(issuer string) http.Handler {
			return idptest.JSON(map[string]any{"issuer": issuer, "jwks_uri": issuer + "/jwks", "id_token_signing_alg_values_supported": []string{"PS256"}})
		}, idp.ReasonAlg},
	} {
		r, i := trusted(t)
		token := r.workload(t, idptest.Faults{Serve: map[string]http.Handler{"/.well-known/openid-configuration": c.serve(r.op.Issuer())}})
		if _, err := i.Verify(t.Context(), token); idp.ReasonOf(err) != c.reason {
			t.Errorf("%s: %v, want %s", what, err, c.reason)
		}
	}
	for _, issuer := range []string{"", "ci.example", "https://u:p@ci.example", "https://ci.example/?x"} {
		if _, err := oidc.NewIssuer(oidc.IssuerConfig{Issuer: issuer, HTTP: client(time.Second), Now: time.Now}); err == nil {
			t.Errorf("%q is an issuer", issuer)
		}
	}
}

func TestAFloodOfUnknownKidsIsOneFetchAMinute(t *testing.T) {
	r, i := trusted(t)
	for n := range 50 {
		_, err := i.Verify(t.Context(), r.workload(t, idptest.Faults{Header: map[string]any{"kid": "k" + strconv.Itoa(n)}}))
		if idp.ReasonOf(err) != idp.ReasonSignature {
			t.Fatal(err)
		}
	}
	if n := r.op.Requests("/jwks"); n > 2 {
		t.Errorf("%d fetches of the keys", n)
	}
	if n := r.op.Requests("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("%d fetches of the document", n)
	}
}

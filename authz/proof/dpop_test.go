package proof_test

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz/proof"
)

const endpoint = "https://as.example/oauth2/userinfo"

func ath(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestDP_AProofIsForOneRequest(t *testing.T) {
	r := makeRing()
	public := func(key any) jose.JSONWebKey { return jose.JSONWebKey{Key: key} }
	claims := map[string]any{"jti": "j1", "htm": "GET", "htu": endpoint, "ath": ath("at_1"), "iat": moment().Unix()}
	with := func(name string, value any) map[string]any {
		c := maps.Clone(claims)
		if c[name] = value; value == nil {
			delete(c, name)
		}
		return c
	}
	headers := map[string]any{"typ": "dpop+jwt", "jwk": public(r.ec.Public())}
	header := func(name string, value any) map[string]any {
		h := maps.Clone(headers)
		if h[name] = value; value == nil {
			delete(h, name)
		}
		return h
	}
	for _, c := range []struct {
		name    string
		claims  map[string]any
		headers map[string]any
		good    bool
	}{
		{"as it should be", claims, headers, true},
		{"10 s ago", with("iat", moment().Unix()-10), headers, true},
		{"in 10 s", with("iat", moment().Unix()+10), headers, true},
		{"nbf and exp, which mean nothing here", with("exp", 1), headers, true},
		{"address in capitals", with("htu", "HTTPS://AS.example:443/oauth2/userinfo"), headers, true},
		{"address with a query", with("htu", endpoint+"?a=b#c"), headers, true},
		{"an hour ago", with("iat", moment().Unix()-3600), headers, false},
		{"in an hour", with("iat", moment().Unix()+3600), headers, false},
		{"iat as text", with("iat", "1893553445"), headers, false},
		{"no iat", with("iat", nil), headers, false},
		{"no jti", with("jti", nil), headers, false},
		{"a number as jti", with("jti", 1), headers, false},
		{"a long jti", with("jti", strings.Repeat("j", 257)), headers, false},
		{"no htm", with("htm", nil), headers, false},
		{"another method", with("htm", "POST"), headers, false},
		{"no htu", with("htu", nil), headers, false},
		{"another path", with("htu", "https://as.example/oauth2/token"), headers, false},
		{"another host", with("htu", "https://rs.example/oauth2/userinfo"), headers, false},
		{"another port", with("htu", "https://as.example:8443/oauth2/userinfo"), headers, false},
		{"a user before the host", with("htu", "https://as.example@as.example/oauth2/userinfo"), headers, false},
		{"no ath", with("ath", nil), headers, false},
		{"another token", with("ath", ath("at_2")), headers, false},
		{"no typ", claims, header("typ", nil), false},
		{"typ JWT", claims, header("typ", "JWT"), false},
		{"no key", claims, header("jwk", nil), false},
		{"another key", claims, header("jwk", public(r.otherEC.Public())), false},
		{"a key of another kind", claims, header("jwk", public(r.ed.Public())), false},
		{"the private key", claims, header("jwk", jose.JSONWebKey{Key: r.ec}), false},
	} {
		text := signed(t, "ES256", r.ec, c.claims, c.headers)
		got, err := proof.ReadDPoP(text, proof.Expected{Method: "GET", URLs: []string{"https://other.example/", endpoint}, AccessToken: "at_1", Now: moment()})
		if (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.good && (len(got.JKT) != 43 || got.JTI != "j1" || got.Until.Sub(moment()) > time.Minute+proof.DPoPFuture) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	rs := signed(t, "RS256", r.rsa, claims, header("jwk", public(r.rsa.Public())))
	if _, err := proof.ReadDPoP(rs, proof.Expected{Method: "GET", URLs: []string{endpoint}, Now: moment()}); err == nil {
		t.Error("RS256 was taken")
	}
	if _, err := proof.ReadDPoP(handmade(`{"alg":"none","typ":"dpop+jwt"}`, `{}`), proof.Expected{Now: moment()}); err == nil {
		t.Error("alg none was taken")
	}
}

func TestRFC7519_TimesAreNumbersWithinBounds(t *testing.T) {
	at := func(d time.Duration) *float64 {
		f := float64(moment().Add(d).Unix())
		return &f
	}
	negative, huge := -1.0, 1e300
	for _, c := range []struct {
		name  string
		times proof.Times
		good  bool
	}{
		{"none", proof.Times{}, true},
		{"all", proof.Times{Expires: at(time.Minute), NotBefore: at(0), IssuedAt: at(0)}, true},
		{"begun in 8 s", proof.Times{Expires: at(time.Minute), NotBefore: at(8 * time.Second), IssuedAt: at(8 * time.Second)}, true},
		{"nbf in a minute", proof.Times{NotBefore: at(time.Minute)}, false},
		{"iat in a minute", proof.Times{IssuedAt: at(time.Minute)}, false},
		{"nbf long past", proof.Times{NotBefore: at(-2 * time.Hour)}, false},
		{"exp now", proof.Times{Expires: at(0)}, false},
		{"exp past", proof.Times{Expires: at(-time.Minute)}, false},
		{"exp too far", proof.Times{Expires: at(2 * time.Hour)}, false},
		{"exp negative", proof.Times{Expires: &negative}, false},
		{"exp huge", proof.Times{Expires: &huge}, false},
	} {
		if _, err := c.times.Check(moment(), time.Hour); (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

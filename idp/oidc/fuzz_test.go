package oidc

import (
	"crypto/rsa"
	"net/url"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
)

func FuzzCallback(f *testing.F) {
	for _, query := range []string{
		"state=s&code=c&iss=https://op.example", "state=s&error=access_denied", "state=s&state=s", "code=c", "state=x&code=c", "state=s&code=&iss=", "%zz",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		p, err := parseCallback(idp.Callback{Params: values, State: "s"}, func(issuer string) bool { return issuer == "https://op.example" })
		if err != nil {
			if idp.ReasonOf(err) == "" {
				t.Fatalf("no reason: %v", err)
			}
			return
		}
		if len(values["state"]) != 1 || values.Get("state") != "s" {
			t.Fatalf("state %q passes", values["state"])
		}
		if code, err := p.code(true); err == nil && (code != values.Get("code") || values.Get("iss") != "https://op.example") {
			t.Fatalf("code %q of %q", code, query)
		}
	})
}

func FuzzIDTokenClaims(f *testing.F) {
	good := `{"iss":"https://op.example","sub":"s","aud":"rp","exp":1700000300,"iat":1700000000,"nonce":"n","email":"a@b","email_verified":true,"groups":["g"]}`
	for _, raw := range []string{good, `{}`, `null`, `[]`, `{"aud":["rp","x"],"azp":"rp"}`, `{"exp":1e999}`, `{"_claim_names":{"groups":"x"}}`, `{"events":{}}`} {
		f.Add([]byte(raw), []byte(raw))
	}
	now := time.Unix(1700000000, 0)
	c := &Connector{config: Config{ID: "con", Issuer: "https://op.example", ClientID: "rp", Now: func() time.Time { return now }}}
	f.Fuzz(func(t *testing.T, raw, info []byte) {
		id, err := parseClaims(raw)
		if err != nil {
			return
		}
		more, _ := parseClaims(info)
		got, refused := c.identity(id, more) // never panics, checked or not
		if err := c.check(id, idp.Callback{Nonce: "n"}); err != nil {
			if idp.ReasonOf(err) == "" {
				t.Fatalf("no reason: %v", err)
			}
			return
		}
		if refused != nil {
			t.Fatalf("checked, and then: %v", refused)
		}
		if got.Subject == "" || len(got.Subject) > maxSubject || id.text("nonce") != "n" || id.text("iss") != c.config.Issuer {
			t.Fatalf("%s passes", raw)
		}
		if len(got.Groups) > maxTexts || len(got.Email) > maxEmail || (got.EmailVerified && got.Email == "") {
			t.Fatalf("%+v", got)
		}
	})
}

func FuzzJWKS(f *testing.F) {
	for _, raw := range []string{
		`{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`, `{"keys":[null]}`, `{"keys":{}}`,
	} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		keys, err := parseJWKS(raw)
		if err != nil {
			return
		}
		if len(keys) == 0 || len(keys) > maxKeys {
			t.Fatalf("%d keys", len(keys))
		}
		for _, key := range keys {
			if k, ok := key.Key.(*rsa.PublicKey); !key.IsPublic() || (ok && k.N.BitLen() < minRSABits) {
				t.Fatalf("key %T passes", key.Key)
			}
		}
	})
}

func FuzzLogoutToken(f *testing.F) {
	good := `{"iss":"https://op.example","aud":"rp","exp":1700000120,"iat":1700000000,"jti":"j","sub":"s","events":{"http://schemas.openid.net/event/backchannel-logout":{}}}`
	for _, raw := range []string{good, `{}`, `null`, `{"sid":"s","sub":null}`, `{"nonce":null}`, `{"events":[]}`, `{"events":{"http://schemas.openid.net/event/backchannel-logout":null}}`, `{"iat":-1}`} {
		f.Add([]byte(raw))
	}
	now := time.Unix(1700000000, 0)
	c := &Connector{config: Config{ID: "con", Issuer: "https://op.example", ClientID: "rp", Now: func() time.Time { return now }}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		token, err := c.logoutToken(raw)
		if err != nil {
			if idp.ReasonOf(err) == "" {
				t.Fatalf("no reason: %v", err)
			}
			return
		}
		claims, _ := parseClaims(raw)
		if _, nonce := claims["nonce"]; nonce || token.ID == "" || token.Subject+token.SessionID == "" || claims.text("iss") != c.config.Issuer {
			t.Fatalf("%s passes as %+v", raw, token)
		}
		if token.Until.Before(now) || token.Until.After(now.Add(10*time.Minute)) {
			t.Fatalf("remembered until %v", token.Until)
		}
	})
}

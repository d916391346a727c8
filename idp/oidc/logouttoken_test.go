package oidc_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// logoutToken is the upstream's, about both the person and a session, changed.
func (r *rig) logoutToken(t *testing.T, change map[string]any) string {
	t.Helper()
	token, err := r.op.LogoutToken("rp", func(c map[string]any) {
		c["sub"], c["sid"] = "s-ada", "session-1"
		maps.Copy(c, change)
		for name, value := range change {
			if value == nil {
				delete(c, name)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

const eventOfLogout = "http://schemas.openid.net/event/backchannel-logout"

func TestBackChannelLogoutSection2_6_ALogoutTokenIsAcceptedForWhatItIsAndNothingElse(t *testing.T) {
	r := newRig(t, nil, nil)
	now := r.Now()
	for name, c := range map[string]struct {
		change map[string]any
		want   string
	}{
		"of a person and a session": {nil, ""},
		"of a person":               {map[string]any{"sid": nil}, ""},
		"of a session":              {map[string]any{"sub": nil}, ""},
		"of several audiences":      {map[string]any{"aud": []string{"other", "rp"}}, ""},
		"almost too old":            {map[string]any{"iat": now.Add(-5*time.Minute + time.Second).Unix()}, ""},

		"of nobody":                       {map[string]any{"sub": nil, "sid": nil}, idp.ReasonLogoutToken},
		"of a person without name":        {map[string]any{"sub": ""}, idp.ReasonLogoutToken},
		"of a numbered person":            {map[string]any{"sub": 7}, idp.ReasonLogoutToken},
		"of a long name":                  {map[string]any{"sub": strings.Repeat("s", 256)}, idp.ReasonLogoutToken},
		"of a list of sessions":           {map[string]any{"sid": []string{"a"}}, idp.ReasonLogoutToken},
		"with a nonce":                    {map[string]any{"nonce": "n"}, idp.ReasonLogoutToken},
		"without events":                  {map[string]any{"events": nil}, idp.ReasonLogoutToken},
		"with another event":              {map[string]any{"events": map[string]any{"x": map[string]any{}}}, idp.ReasonLogoutToken},
		"with an event that is no object": {map[string]any{"events": map[string]any{eventOfLogout: true}}, idp.ReasonLogoutToken},
		"with events as text":             {map[string]any{"events": eventOfLogout}, idp.ReasonLogoutToken},
		"without jti":                     {map[string]any{"jti": nil}, idp.ReasonLogoutToken},
		"with a long jti":                 {map[string]any{"jti": strings.Repeat("j", 256)}, idp.ReasonLogoutToken},
		"of another issuer":               {map[string]any{"iss": "https://other.example"}, idp.ReasonIssuerMismatch},
		"for another client":              {map[string]any{"aud": "other"}, idp.ReasonAudience},
		"for nobody":                      {map[string]any{"aud": nil}, idp.ReasonAudience},
		"asked for by another":            {map[string]any{"azp": "other"}, idp.ReasonAZP},
		"without iat":                     {map[string]any{"iat": nil}, idp.ReasonIssuedAt},
		"too old":                         {map[string]any{"iat": now.Add(-5*time.Minute - time.Second).Unix()}, idp.ReasonIssuedAt},
		"from the future":                 {map[string]any{"iat": now.Add(2 * time.Minute).Unix()}, idp.ReasonIssuedAt},
		"without exp":                     {map[string]any{"exp": nil}, idp.ReasonExpired},
		"expired":                         {map[string]any{"exp": now.Add(-2 * time.Minute).Unix()}, idp.ReasonExpired},
	} {
		token, err := r.conn.LogoutToken(t.Context(), r.logoutToken(t, c.change))
		if got := reason(err); got != c.want {
			t.Errorf("a token %s: reason %q, want %q: %v", name, got, c.want, err)
		}
		if err == nil && (token.ID == "" || token.Until.Before(now.Add(time.Minute-time.Second)) || token.Subject+token.SessionID == "") {
			t.Errorf("a token %s: %+v", name, token)
		}
	}
	for name, f := range map[string]struct {
		faults idptest.Faults
		want   string
	}{
		"typ of an ID token":        {idptest.Faults{Header: map[string]any{"typ": "JWT"}}, idp.ReasonType},
		"typ of an access token":    {idptest.Faults{Header: map[string]any{"typ": "at+jwt"}}, idp.ReasonType},
		"typ in full":               {idptest.Faults{Header: map[string]any{"typ": "application/logout+jwt"}}, ""},
		"no signature":              {idptest.Faults{Signature: idptest.SignedNotAtAll}, idp.ReasonAlg},
		"the secret as key":         {idptest.Faults{Signature: idptest.SignedHS256WithSecret}, idp.ReasonAlg},
		"the public key as key":     {idptest.Faults{Signature: idptest.SignedHS256WithPublic}, idp.ReasonAlg},
		"a stranger":                {idptest.Faults{Signature: idptest.SignedByStranger}, idp.ReasonSignature},
		"an unadvertised algorithm": {idptest.Faults{Signature: idptest.SignedByOtherType}, idp.ReasonAlg},
	} {
		r.op.SetFaults(f.faults)
		_, err := r.conn.LogoutToken(t.Context(), r.logoutToken(t, nil))
		if got := reason(err); got != f.want {
			t.Errorf("%s: reason %q, want %q: %v", name, got, f.want, err)
		}
	}
	// What it signs well with and does not advertise is not its own.
	r.op.SetFaults(metadata(r.op, map[string]any{"id_token_signing_alg_values_supported": []string{"RS256"}}))
	if _, err := r.connect(t).LogoutToken(t.Context(), r.logoutToken(t, nil)); reason(err) != idp.ReasonAlg {
		t.Errorf("signed well with what is not advertised: %v", err)
	}
	r.op.SetFaults(idptest.Faults{})
	if _, err := r.conn.LogoutToken(t.Context(), "not a token"); reason(err) != idp.ReasonIDToken {
		t.Errorf("no token at all: %v", err)
	}
	if _, err := r.conn.LogoutToken(t.Context(), strings.Repeat("a", 65<<10)); reason(err) != idp.ReasonTooLarge {
		t.Errorf("a token without end: %v", err)
	}
}

func TestUO_14_TenThousandLogoutTokensOfUnknownKeysCauseTwoFetches(t *testing.T) {
	r := newRig(t, nil, nil)
	good := strings.Split(r.logoutToken(t, nil), ".")
	for n := range 10_000 {
		header := fmt.Sprintf(`{"alg":"ES256","typ":"logout+jwt","kid":%q}`, rand.Text())
		if n%5 == 0 { // as many with the name of a key there is
			header = fmt.Sprintf(`{"alg":"ES256","typ":"logout+jwt","kid":%q}`, r.kid(t))
		}
		token := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + good[1] + "." + good[2]
		if _, err := r.conn.LogoutToken(t.Context(), token); reason(err) != idp.ReasonSignature {
			t.Fatalf("token %d: %v", n, err)
		}
	}
	if got := r.op.Requests("/jwks"); got > 2 {
		t.Errorf("%d fetches of the keys", got)
	}
	// What is right is seen all the same.
	if _, err := r.conn.LogoutToken(t.Context(), strings.Join(good, ".")); err != nil {
		t.Error(err)
	}
}

// kid is the name of the upstream's key.
func (r *rig) kid(t *testing.T) string {
	t.Helper()
	if r.keyID == "" {
		header, err := base64.RawURLEncoding.DecodeString(strings.Split(r.logoutToken(t, nil), ".")[0])
		if err != nil {
			t.Fatal(err)
		}
		r.keyID = between(string(header), `"kid":"`, `"`)
	}
	return r.keyID
}

func between(text, from, to string) string {
	_, rest, _ := strings.Cut(text, from)
	found, _, _ := strings.Cut(rest, to)
	return found
}

package oauth_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// redirected is the error an authorization request was sent back with.
func (h *house) redirected(parameters map[string][]string) (code string, e *oauth.RedirectError) {
	h.Helper()
	_, err := h.server.Authorize(h.Context(), parameters, h.clock.Now())
	e, ok := errors.AsType[*oauth.RedirectError](err)
	if !ok {
		return "", nil
	}
	return e.Redirect.Parameters.Get("error"), e
}

func TestPK_01_APublicClientMustSendAChallenge(t *testing.T) {
	h := newHouse(t)
	if code, _ := h.redirected(asked(h.spa, "code_challenge", "", "code_challenge_method", "")); code != "invalid_request" {
		t.Errorf("without a challenge: %q", code)
	}
	h.authorize(asked(h.web, "code_challenge", "", "code_challenge_method", ""))
}

func TestPK_02_SoMustEveryClientWhereTheIssuerSaysSo(t *testing.T) {
	h := newHouse(t, func(s *oauth.Settings) { s.PKCEForAll = true })
	if code, _ := h.redirected(asked(h.web, "code_challenge", "", "code_challenge_method", "")); code != "invalid_request" {
		t.Errorf("without a challenge: %q", code)
	}
}

func TestPK_03_PlainAndNamelessMethodsAreRefused(t *testing.T) {
	h := newHouse(t)
	for _, method := range []string{"plain", "", "s256", "S512", "S256 "} {
		for _, c := range []authz.Client{h.web, h.spa} {
			if code, _ := h.redirected(asked(c, "code_challenge_method", method)); code != "invalid_request" {
				t.Errorf("method %q: %q", method, code)
			}
		}
	}
	if code, _ := h.redirected(asked(h.web, "code_challenge", "", "code_challenge_method", "plain")); code != "invalid_request" {
		t.Errorf("a method without a challenge: %q", code)
	}
}

func TestPK_04_AWrongVerifierBurnsTheCode(t *testing.T) {
	h := newHouse(t)
	for _, c := range []authz.Client{h.web, h.spa} {
		code := h.code(c)
		_, err := h.redeem(c, code, "code_verifier", strings.Repeat("w", 43))
		h.wants("wrong", err, "invalid_grant")
		_, err = h.redeem(c, code, "code_verifier", "")
		h.wants("then none", err, "invalid_grant")
		_, err = h.redeem(c, code)
		h.wants("then the right one", err, "invalid_grant")
	}
	if n := len(h.entries("token.refused")); n != 6 {
		t.Errorf("%d refusals audited", n)
	}
}

func TestPK_05_VerifierAndChallengeComeTogetherOrNotAtAll(t *testing.T) {
	h := newHouse(t)
	code := h.code(h.web)
	_, err := h.redeem(h.web, code, "code_verifier", "")
	h.wants("a challenge, no verifier", err, "invalid_grant")
	code = h.code(h.web, "code_challenge", "", "code_challenge_method", "")
	_, err = h.redeem(h.web, code)
	h.wants("a verifier, no challenge", err, "invalid_grant")
	_, err = h.redeem(h.web, code, "code_verifier", "")
	h.wants("the code is burned", err, "invalid_grant")
	code = h.code(h.web, "code_challenge", "", "code_challenge_method", "")
	if _, err = h.redeem(h.web, code, "code_verifier", ""); err != nil {
		t.Errorf("neither: %v", err)
	}
}

func TestPK_06_PK_08_AVerifierOutsideTheGrammarIsRefused(t *testing.T) {
	h := newHouse(t)
	for _, bad := range []string{"v", strings.Repeat("v", 42), strings.Repeat("v", 129), strings.Repeat("v", 42) + "+", strings.Repeat("ü", 30), strings.Repeat("v", 43) + " "} {
		code := h.code(h.web, "code_challenge", challenge(bad))
		_, err := h.redeem(h.web, code, "code_verifier", bad)
		h.wants(bad, err, "invalid_grant")
		_, err = h.redeem(h.web, code)
		h.wants("the code afterwards", err, "invalid_grant")
	}
	code := h.code(h.web)
	_, err := h.redeem(h.web, code, "code_verifier", challenge(verifier))
	h.wants("the challenge as verifier", err, "invalid_grant")
	for _, length := range []int{43, 128} {
		good := strings.Repeat("~", length)
		if _, err := h.redeem(h.web, h.code(h.web, "code_challenge", challenge(good)), "code_verifier", good); err != nil {
			t.Errorf("a verifier of %d: %v", length, err)
		}
	}
}

func TestPK_07_AChallengeIsThirtyTwoBytes(t *testing.T) {
	h := newHouse(t)
	whole := challenge(verifier)
	last := whole[:42] + "B" // bits beyond the last byte are set
	std := strings.Repeat("+", 43)
	for _, bad := range []string{"x", whole[:42], whole + "A", whole + "=", last, std, base64.StdEncoding.EncodeToString(make([]byte, 32)), " " + whole[1:]} {
		if code, _ := h.redirected(asked(h.web, "code_challenge", bad)); code != "invalid_request" {
			t.Errorf("challenge %q: %q", bad, code)
		}
	}
}

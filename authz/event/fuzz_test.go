package event

import (
	"errors"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func FuzzParseSecret(f *testing.F) {
	f.Add("whsec_")
	f.Add("whsec_YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh")
	f.Add("whsec_YWFhYWFhYWFhYWFhYWFhYWFhYWFhYW=\n")
	f.Fuzz(func(t *testing.T, text string) {
		secret, err := parseSecret(authz.Secret(text))
		if err == nil && (len(secret) < minSecret || len(secret) > maxSecret) {
			t.Errorf("a secret of %d bytes was accepted", len(secret))
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Add("120")
	f.Add("Fri, 31 Dec 9999 23:59:59 GMT")
	f.Add("-1")
	f.Add("99999999999999999999")
	f.Fuzz(func(t *testing.T, text string) {
		after := retryAfter(text, now)
		if after < 0 {
			t.Errorf("%q asks for %v", text, after)
		}
		if _, bounded := verdict(&Failure{RetryAfter: after, Err: errors.New("x")}); bounded > maxRetryAfter {
			t.Errorf("%q is put off for %v", text, bounded)
		}
	})
}

func FuzzTold(f *testing.F) {
	f.Add("a\r\nb\x1b[0m\xff")
	f.Fuzz(func(t *testing.T, text string) {
		s := told(errors.New(text))
		if len(s) > maxLastError || !utf8.ValidString(s) {
			t.Errorf("%q is kept as %q", text, s)
		}
		for _, r := range s {
			if r < ' ' || r == 0x7f {
				t.Errorf("%q keeps a control character", text)
			}
		}
	})
}

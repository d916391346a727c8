package jwks_test

import (
	"strings"
	"testing"
)

func BenchmarkSign(b *testing.B) {
	cfg := config(b, &memory{}, newClock())
	cfg.Algorithms = allAlgorithms
	s := started(b, cfg)
	claims := map[string]any{"iss": "https://id.example", "sub": "usr_1", "aud": []string{"api"}, "exp": 1, "iat": 1, "scope": "openid"}
	for _, alg := range allAlgorithms {
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Sign(b.Context(), alg, "at+jwt", claims); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	s := started(b, config(b, &memory{}, newClock()))
	good := mustSign(b, s, "ES256")
	unknown := header(`{"alg":"ES256","kid":"unknown","typ":"at+jwt"}`) + good[strings.IndexByte(good, '.'):]
	for name, compact := range map[string]string{"ES256": good, "unknown kid": unknown} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, _ = s.Verify(b.Context(), compact)
			}
		})
	}
}

func BenchmarkDocument(b *testing.B) {
	s := started(b, config(b, &memory{}, newClock()))
	b.ReportAllocs()
	for b.Loop() {
		if body, etag := s.Document(); len(body) == 0 || etag == "" {
			b.Fatal("empty")
		}
	}
}

package client

import (
	"maps"
	"testing"
)

func TestAChallengeSaysWhichSignInWouldDo(t *testing.T) {
	for header, want := range map[string]map[string]string{
		"":       nil,
		"Bearer": nil,
		`Bearer realm="gatehouse", error="insufficient_user_authentication", acr_values="a b", max_age="900"`: {
			"realm": "gatehouse", "error": "insufficient_user_authentication", "acr_values": "a b", "max_age": "900",
		},
		`Bearer realm="a \"quoted\" \\ one", x="y`: {"realm": `a "quoted" \ one`, "x": "y"},
		`Bearer realm="\`:                          {"realm": `\`},
	} {
		if got := challenge(header); !maps.Equal(got, want) {
			t.Errorf("%s: %q", header, got)
		}
	}
}

func FuzzChallenge(f *testing.F) {
	f.Add(`Bearer realm="gatehouse", max_age="900"`)
	f.Fuzz(func(t *testing.T, header string) {
		size := 0
		for name, value := range challenge(header) {
			size += len(name) + len(value)
		}
		if size > len(header) {
			t.Errorf("%q gives more than it has", header)
		}
	})
}

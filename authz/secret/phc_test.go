package secret

import (
	"strings"
	"testing"
)

func TestOnlyOneTextStandsForAHash(t *testing.T) {
	good := phc{params: MachineParams(), keyID: "one"}.String()
	if h, err := parsePHC(good); err != nil || h.keyID != "one" || h.params != MachineParams() {
		t.Fatalf("%+v, %v", h, err)
	}
	for name, s := range map[string]string{
		"empty":          "",
		"another scheme": strings.Replace(good, "argon2id", "argon2i", 1),
		"version":        strings.Replace(good, "v=19", "v=16", 1),
		"no key id":      strings.Replace(good, ",keyid=one", "", 1),
		"empty key id":   strings.Replace(good, "keyid=one", "keyid=", 1),
		"leading zero":   strings.Replace(good, "m=1024", "m=01024", 1),
		"sign":           strings.Replace(good, "t=1", "t=+1", 1),
		"order":          strings.Replace(good, "t=1,p=1", "p=1,t=1", 1),
		"padding":        good + "=",
		"slack bits":     good[:len(good)-1] + "B",
		"line break":     good[:len(good)-4] + "\n" + good[len(good)-4:],
		"short hash":     good[:len(good)-4],
		"one more part":  good + "$",
		"space":          good + " ",
		"long":           good + strings.Repeat("A", 300),
	} {
		if _, err := parsePHC(s); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzParsePHC(f *testing.F) {
	f.Add(phc{params: MachineParams(), keyID: "one"}.String())
	f.Add(phc{params: HumanParams(), keyID: "a-b.c_d"}.String())
	f.Add("$argon2id$v=19$m=65536,t=16,p=16,keyid=x$AAAA$AAAA")
	f.Add("$$$$$")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parsePHC(s)
		if err != nil {
			return
		}
		if h.String() != s {
			t.Errorf("%q reads as %q", s, h.String())
		}
		if h.params.validate() != nil {
			t.Errorf("%q costs %+v", s, h.params)
		}
	})
}

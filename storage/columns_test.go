package storage

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzJSONColumn(f *testing.F) {
	for _, seed := range []string{`["a"]`, `null`, `[]`, `{`, `["\ud800"]`, "\x00", `[1]`, `["a"] ["b"]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		was := asText([]string{"left over"})
		err := was.Scan(raw)
		if err != nil {
			if json.Unmarshal(raw, new([]string)) == nil {
				t.Fatalf("%q was refused: %v", raw, err)
			}
			return
		}
		written, err := was.Value()
		if err != nil {
			t.Fatal(err)
		}
		var again list[string]
		if err := again.Scan(written); err != nil {
			t.Fatal(err)
		}
		for i, s := range was.V {
			if s == "left over" && !bytes.Contains(raw, []byte("left")) || again.V[i] != s {
				t.Fatalf("%q became %q and then %q", raw, was.V, again.V)
			}
		}
	})
}

func FuzzDigestColumn(f *testing.F) {
	f.Add(bytes.Repeat([]byte{1}, 32))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := digest{9}
		err := d.Scan(raw)
		if (err == nil) != (len(raw) == len(d)) {
			t.Fatalf("%d bytes: %v", len(raw), err)
		}
		if err == nil && !bytes.Equal(d[:], raw) {
			t.Fatal("other bytes came out")
		}
	})
}

func FuzzShortened(f *testing.F) {
	f.Add("500 \x00\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := shortened(s)
		if len(got) > 500 || !utf8.ValidString(got) || strings.Contains(got, "\x00") {
			t.Fatalf("%q became %q", s, got)
		}
	})
}

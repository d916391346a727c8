package apikey

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// scanned lists what is found, as "line:shown…last4".
func scanned(t testing.TB, r io.Reader) []string {
	t.Helper()
	var all []string
	s := Scanner{Found: func(f Found) error {
		all = append(all, fmt.Sprintf("%d:%s", f.Line, f))
		return nil
	}}
	if _, err := s.Scan(r); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestU12_S35_AKeyIsFoundWhateverStandsAroundIt(t *testing.T) {
	key, parsed := drawn(t, "up", authz.Live)
	other, parsedOther := drawn(t, "statusp1", authz.Test)
	s, o := key.Reveal(), other.Reveal()
	shown := parsed.Shown() + "…" + s[len(s)-4:]
	shownOther := parsedOther.Shown() + "…" + o[len(o)-4:]
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"alone":             {s, []string{"1:" + shown}},
		"assigned":          {"a\nUP_API_KEY=\"" + s + "\"\n", []string{"2:" + shown}},
		"in a URL":          {"GET /?k%3D" + s + "&x=1", []string{"1:" + shown}},
		"words around":      {"AAA" + s + "zzz", []string{"1:" + shown}},
		"twice and another": {s + s + "\r\n" + o, []string{"1:" + shown, "1:" + shown, "2:" + shownOther}},
		"among marks":       {"_live_live_up_live_" + s + "_test_", []string{"1:" + shown}},
		"in binary":         {"\x00\xff" + s + "\x00", []string{"1:" + shown}},
		"wrong checksum":    {flipLast(s), nil},
		"another's prefix":  {"sp" + s[2:], nil},
		"cut":               {s[:len(s)-1], nil},
		"over two lines":    {s[:40] + "\n" + s[40:], nil},
	} {
		got := scanned(t, strings.NewReader(c.text))
		if strings.Join(got, " ") != strings.Join(c.want, " ") {
			t.Errorf("%s: found %v, want %v", name, got, c.want)
		}
		if strings.Contains(strings.Join(got, ""), s) {
			t.Errorf("%s: the key is told whole", name)
		}
	}
}

func flipLast(s string) string {
	if s[len(s)-1] == 'A' {
		return s[:len(s)-1] + "B"
	}
	return s[:len(s)-1] + "A"
}

// Where the buffer ends must not matter.
func TestAKeyIsFoundAtEveryPlaceOfALongLine(t *testing.T) {
	key, _ := drawn(t, "up", authz.Live)
	for before := scanBuffer - 200; before < scanBuffer+100; before++ {
		text := "first\n" + strings.Repeat("x", before) + "=" + key.Reveal() + strings.Repeat("y", 2*scanBuffer) + "\n" + key.Reveal()
		if got := scanned(t, strings.NewReader(text)); len(got) != 2 || got[0][:2] != "2:" || got[1][:2] != "3:" {
			t.Fatalf("%d before it: %v", before, got)
		}
	}
}

func TestAScanEndsWithItsReaderAndItsCaller(t *testing.T) {
	key, _ := drawn(t, "up", authz.Live)
	stop := errors.New("enough")
	s := Scanner{Found: func(Found) error { return stop }}
	if _, err := s.Scan(strings.NewReader(key.Reveal())); !errors.Is(err, stop) {
		t.Errorf("Scan = %v", err)
	}
	if _, err := s.Scan(iotest.ErrReader(stop)); !errors.Is(err, stop) {
		t.Errorf("Scan = %v", err)
	}
}

func TestPickReturnsTheKeysOfAText(t *testing.T) {
	key, _ := drawn(t, "up", authz.Live)
	if got := Pick("a=" + key.Reveal() + "&b=" + key.Reveal()); len(got) != 2 || got[0] != key || got[1] != key {
		t.Errorf("%d were picked", len(got))
	}
	if got := Pick(strings.Repeat(key.Reveal(), 100)); len(got) != maxPicked {
		t.Errorf("%d were picked", len(got))
	}
	if got := Pick("up_live_" + strings.Repeat("A", 64)); got != nil {
		t.Error("what is no key was picked")
	}
}

// What the published expression and the checksum agree on is found, and
// nothing but what the checksum says is a key.
func FuzzScan(f *testing.F) {
	key, _ := drawn(f, "up", authz.Live)
	f.Add("x " + key.Reveal() + " y\n" + key.Reveal())
	f.Add("_live_" + key.Reveal())
	f.Add(strings.Repeat("_test_", 20))
	pattern := regexp.MustCompile(Pattern)
	f.Fuzz(func(t *testing.T, text string) {
		found := scanned(t, strings.NewReader(text))
		if again := scanned(t, bytes.NewReader([]byte(text))); len(again) != len(found) {
			t.Fatal("two scans differ")
		}
		for line, s := range strings.Split(text, "\n") {
			for _, candidate := range pattern.FindAllString(s, -1) {
				parsed, err := Parse(authz.Secret(candidate))
				want := fmt.Sprintf("%d:%s…%s", line+1, parsed.Shown(), candidate[len(candidate)-4:])
				if err == nil && !strings.Contains(strings.Join(found, "\n"), want) {
					t.Fatalf("%s is not found", want)
				}
			}
		}
	})
}

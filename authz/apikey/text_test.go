package apikey

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
)

var tagKeyOfTests = []byte("a tag key of tests, 32 bytes long")

func drawn(t testing.TB, brand string, env authz.Environment) (authz.Secret, Text) {
	t.Helper()
	text, parsed, err := draw(brand, env, tagKeyOfTests)
	if err != nil {
		t.Fatal(err)
	}
	return text, parsed
}

func TestS9_S10_AKeyIsItsPrefixAnd64AlphanumericCharacters(t *testing.T) {
	public := regexp.MustCompile(`^(up|sp)_(live|test)_[A-Za-z0-9]{64}$`)
	scanner := regexp.MustCompile(Pattern)
	for range 200 {
		for _, brand := range []string{"up", "sp"} {
			for _, env := range []authz.Environment{authz.Live, authz.Test} {
				text, parsed := drawn(t, brand, env)
				if s := text.Reveal(); !public.MatchString(s) || scanner.FindString("key="+s+";") != s {
					t.Fatalf("%s is not of the published form", parsed)
				}
				if parsed.Brand != brand || parsed.Environment != env || parsed.Shown() != text.Reveal()[:len("up_live_")+16] {
					t.Errorf("%s parses as %s %s", parsed.Shown(), parsed.Brand, parsed.Environment)
				}
			}
		}
	}
}

func TestTheLayoutIsThePublishedOne(t *testing.T) {
	text, parsed := drawn(t, "up", authz.Live)
	prefix, body := text.Reveal()[:8], text.Reveal()[8:]
	for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		raw, err := alphabet.Strict().DecodeString(body)
		if err != nil || len(raw) != 48 || raw[0] != 1 {
			t.Fatalf("decodes to %d bytes, %v", len(raw), err)
		}
		crc := crc32.Checksum([]byte(prefix+string(raw[:44])), crc32.MakeTable(crc32.Castagnoli))
		if binary.BigEndian.Uint32(raw[44:]) != crc {
			t.Error("the last four bytes are not the CRC-32C of prefix and the rest")
		}
		mac := hmac.New(sha256.New, tagKeyOfTests)
		mac.Write([]byte(prefix + string(raw[:40])))
		if string(raw[40:44]) != string(mac.Sum(nil)[:4]) {
			t.Error("bytes 40 to 43 are not the tag of prefix and bytes 0 to 39")
		}
	}
	if want := authz.KeyID("key_" + body[:16]); parsed.KeyID != want {
		t.Errorf("id %s, want %s", parsed.KeyID, want)
	}
}

func TestKeysOfTodayParseForever(t *testing.T) {
	const pinned = "sp_test_AcimwA4mMO8LzWqZV3ZIYLFpkNcFaszwAIQm2tBFEE3xT9CAQIjTzgCJBjlcFHwD"
	parsed, err := Parse(pinned)
	if err != nil || parsed.Brand != "sp" || parsed.Environment != authz.Test || !parsed.Tagged([][]byte{tagKeyOfTests}) {
		t.Errorf("%v, %v", parsed, err)
	}
}

func TestAK_03_AKeyOfAnotherBrandOrEnvironmentIsNoKey(t *testing.T) {
	text, _ := drawn(t, "sp", authz.Test)
	body := text.Reveal()[len("sp_test_"):]
	for _, prefix := range []string{"sp_live_", "up_test_", "up_live_", "gk_test_", "SP_test_", "s_test_", "sp_Test_", "sptest_", "__test_", ""} {
		if _, err := Parse(authz.Secret(prefix + body)); err == nil {
			t.Errorf("%s: the same 64 characters parse", prefix)
		}
	}
}

func TestAK_04_ATextThatIsAlmostAKeyIsNone(t *testing.T) {
	text, _ := drawn(t, "up", authz.Live)
	s := text.Reveal()
	refused := func(name, s string) {
		t.Helper()
		if _, err := Parse(authz.Secret(s)); err == nil {
			t.Errorf("%s: parses", name)
		}
	}
	for i := range s {
		for _, c := range []string{"-", "_", "+", "/", "=", "\x00", "\n", " ", "é", "٣", "", "AA"} {
			if c != s[i:i+1] {
				refused(fmt.Sprintf("%q at %d", c, i), s[:i]+c+s[i+1:])
			}
		}
		if flipped := s[i] ^ 0x20; alphanumeric(string(rune(flipped))) {
			refused(fmt.Sprintf("case flipped at %d", i), s[:i]+string(rune(flipped))+s[i+1:])
		}
	}
	refused("padded", s+"=")
	refused("short", s[:len(s)-1])
	refused("long", s+"A")
	refused("twice", s+s)
	refused("empty", "")
	refused("prefix", "up_live_")
}

func TestAnUnknownVersionIsNoKey(t *testing.T) {
	for range 100 {
		var raw [rawLength]byte
		raw[0] = 2
		binary.BigEndian.PutUint32(raw[crcStart:], checksum("up_live_", raw[:crcStart]))
		if _, err := Parse(authz.Secret("up_live_" + base64.StdEncoding.EncodeToString(raw[:]))); err == nil {
			t.Fatal("parses")
		}
	}
}

func TestWhoLacksTheTagKeyCannotMakeAKeyOfAKnownID(t *testing.T) {
	text, _ := drawn(t, "up", authz.Live)
	for range 50 {
		raw, _ := base64.StdEncoding.DecodeString(text.Reveal()[8:])
		forged := ""
		for n := byte(0); forged == "" || !alphanumeric(forged); n++ {
			raw[20], raw[30] = n, raw[30]+1
			binary.BigEndian.PutUint32(raw[crcStart:], checksum("up_live_", raw[:crcStart]))
			forged = base64.StdEncoding.EncodeToString(raw)
		}
		parsed, err := Parse(authz.Secret("up_live_" + forged))
		if err != nil {
			t.Fatal(err)
		}
		if parsed.Tagged([][]byte{tagKeyOfTests}) {
			t.Fatal("a forged secret carries a valid tag")
		}
	}
}

func TestATagOfAnyKnownKeyIsAccepted(t *testing.T) {
	_, parsed := drawn(t, "up", authz.Live)
	other := []byte("another key, just as long as that")
	if !parsed.Tagged([][]byte{other, tagKeyOfTests}) || !parsed.Tagged([][]byte{tagKeyOfTests, other}) {
		t.Error("refused although one of the keys made it")
	}
	if parsed.Tagged([][]byte{other}) || parsed.Tagged(nil) {
		t.Error("accepted although none of the keys made it")
	}
}

func TestATextDoesNotPrintItsSecret(t *testing.T) {
	text, parsed := drawn(t, "up", authz.Live)
	secret := text.Reveal()[len("up_live_")+16:]
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "text", parsed)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "text", parsed)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&log, verb+"\n", parsed)
	}
	raw := fmt.Sprint(parsed.raw[16:24]) //nolint:staticcheck // as numbers, the way %v would print it
	if out := log.String(); strings.Contains(out, secret[:8]) || strings.Contains(out, strings.Trim(raw, "[]")) {
		t.Errorf("the secret is in\n%s", out)
	}
}

func TestLooksLikeKeyGoesByTheBeginningAlone(t *testing.T) {
	for text, want := range map[authz.Secret]bool{
		"up_live_": true, "sp_test_AQ": true, "gk_live_AAA": true, "brand123_test_": true,
		"": false, "up": false, "up_": false, "up_live": false, "at_AAAA": false, "rt_live": false, "eyJhbGciOi.e.e": false,
		"u_live_": false, "UP_live_": false, "toolongbrand_live_": false, "2p_live_": false,
	} {
		if LooksLikeKey(text) != want {
			t.Errorf("%q: %v", text.Reveal(), !want)
		}
	}
}

func TestAK_06_RefusingWhatIsNoKeyCostsNextToNothing(t *testing.T) {
	text, _ := drawn(t, "up", authz.Live)
	broken := text[:len(text)-1] + "_"
	if n := testing.AllocsPerRun(100, func() { _, _ = Parse(text) }); n > 3 {
		t.Errorf("%v allocations for a key", n)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = Parse(broken) }); n > 1 {
		t.Errorf("%v allocations for what is none", n)
	}
}

func FuzzParse(f *testing.F) {
	text, _ := drawn(f, "up", authz.Live)
	f.Add(text.Reveal())
	f.Add("sp_test_" + strings.Repeat("A", 64))
	f.Add("a_live__live_" + strings.Repeat("/", 64))
	whole := regexp.MustCompile(`^` + Pattern + `$`)
	f.Fuzz(func(t *testing.T, s string) {
		parsed, err := Parse(authz.Secret(s))
		if err != nil {
			return
		}
		if !whole.MatchString(s) || !LooksLikeKey(authz.Secret(s)) {
			t.Errorf("%q parses but does not match the pattern", s)
		}
		if parsed.prefix+base64.StdEncoding.EncodeToString(parsed.raw[:]) != s || len(parsed.KeyID) != len("key_")+16 {
			t.Errorf("%q does not survive the way there and back", s)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text, _ := drawn(b, "up", authz.Live)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = Parse(text)
	}
}

func BenchmarkTagged(b *testing.B) {
	_, parsed := drawn(b, "up", authz.Live)
	keys := [][]byte{tagKeyOfTests}
	b.ReportAllocs()
	for b.Loop() {
		_ = parsed.Tagged(keys)
	}
}

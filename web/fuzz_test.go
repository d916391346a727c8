package web_test

import (
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/web"
)

// FuzzClientAddress holds that nobody but a trusted proxy is asked, and that
// what comes out is an address or nothing.
func FuzzClientAddress(f *testing.F) {
	for _, pair := range [][2]string{
		{"192.0.2.1:1", "203.0.113.9"}, {"10.0.0.1:1", "6.6.6.6, 203.0.113.9"}, {"[::ffff:10.0.0.1]:1", "fe80::1%eth0, ::1"}, {"x", ","}, {"10.0.0.1:1", "1.2.3.4:80"},
	} {
		f.Add(pair[0], pair[1])
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, peer, forwarded string) {
		r := &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {forwarded}}}
		got := web.ClientAddress(trusted, r)
		hop, err := netip.ParseAddrPort(peer)
		if err != nil {
			if got != "" {
				t.Errorf("peer %q: %q", peer, got)
			}
			return
		}
		address, err := netip.ParseAddr(got)
		if err != nil || address.Is4In6() || address.Zone() != "" {
			t.Errorf("peer %q, forwarded %q: %q", peer, forwarded, got)
		}
		direct := hop.Addr().Unmap().WithZone("")
		if !trusted[0].Contains(direct) && address != direct {
			t.Errorf("an untrusted %s was believed: %q gave %q", direct, forwarded, got)
		}
		if address != direct && !strings.Contains(forwarded, ".") && !strings.Contains(forwarded, ":") {
			t.Errorf("%q gave %q", forwarded, got)
		}
	})
}

// FuzzCanonicalHost holds that the form is the same however often it is taken.
func FuzzCanonicalHost(f *testing.F) {
	for _, host := range []string{"Up.Example:443", "up.example:80", "[::1]:443", "", ":443", "a:443:443"} {
		f.Add(host, true)
		f.Add(host, false)
	}
	f.Fuzz(func(t *testing.T, host string, https bool) {
		once := web.CanonicalHost(host, https)
		if strings.ToLower(once) != once || len(once) > len(strings.ToLower(host)) {
			t.Errorf("%q became %q", host, once)
		}
	})
}

var ids = regexp.MustCompile(`^(cl|sa|key)_[0-9A-Za-z]{0,32}$`)

// FuzzPlainID holds that only what has the form of an id reaches a log.
func FuzzPlainID(f *testing.F) {
	for _, id := range []string{"cl_0123", "key_", "up_live_x", "cl_a\nb", "gcs_secret", "cl__"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := web.PlainID(text); got != "" && (got != text || !ids.MatchString(text)) || got == "" && ids.MatchString(text) {
			t.Errorf("%q became %q", text, got)
		}
	})
}

// FuzzPlainQuestion holds that the quick reading of a question to verify finds
// what the careful one does, or leaves it to that.
func FuzzPlainQuestion(f *testing.F) {
	whole := `{"credential":"c","action":"a","environment":"live","client_ip":"::1","method":"GET","resource":{"kind":"cluster","id":"x"}}`
	for _, body := range []string{
		whole, strings.ReplaceAll(whole, ":", " :\n\t "), strings.ReplaceAll(whole, ",", " , ") + " ", ` ` + whole, whole + whole, whole + "x",
		`{}`, `{"credential":""}`, `{"credential":"a","credential":"b"}`, `{"resource":{},"credential":"a"}`, `{"credential":"a",}`, `{"credential":"a\n"}`,
		`{"resource":{"kind":"a"},"resource":{"id":"b"}}`, `{"Credential":"a"}`, `{"credential":"\u0061"}`, `{"credential":"a\"}`, `{"credential":"é"}`,
		`{"resource":{"kind":"a","id":"b","x":"c"}}`, `{"credential":["a"]}`, `{"credential":null}`, `{"credential":"a"`, `"credential"`, `{:}`, `{,}`,
	} {
		f.Add(body)
	}
	if quick, _ := web.TwoReadings(whole); quick == nil {
		f.Error("the quick reading reads nothing")
	}
	f.Fuzz(func(t *testing.T, body string) {
		if quick, careful := web.TwoReadings(body); quick != nil && quick != careful {
			t.Errorf("%q: quickly %+v, carefully %+v", body, quick, careful)
		}
	})
}

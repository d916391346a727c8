package outbound

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func TestWH_01_URLsThatLeadInsideAreRefusedAtSave(t *testing.T) {
	for _, raw := range []string{
		"https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data",
		"https://0.0.0.0/", "https://0/", "https://[fd00::1]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/",
		"https://[::ffff:127.0.0.1]/", "https://[::ffff:8.8.8.8]/", "https://[fe80::1%25eth0]/",
		"https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/", "https://127.0.0.1./",
		"https://1.2.3.4.5/", "https://127.0.0.0x1/", "https://host.0x/",
		"https://localhost/", "https://LOCALHOST./", "https://a.localhost/",
	} {
		if err := CheckURL(raw); !errors.Is(err, ErrBlocked) {
			t.Errorf("%s: %v, want ErrBlocked", raw, err)
		}
	}
}

func TestWH_02_OnlyHTTPSIsSpoken(t *testing.T) {
	for _, raw := range []string{
		"", "http://example.com/", "HTTP://example.com/", "hTTp://8.8.8.8/", "file:///etc/passwd", "gopher://example.com/",
		"//example.com/", "example.com", "https:example.com", "https:///path", "https://", "ftp://example.com",
		"https://user@example.com/", "https://user:pw@example.com/", "https://example.com/#frag", "https://example.com/#",
		"https://example.com:0/", "https://example.com:99999/", "https://example.com:x/", "https://./", "https://\x00/",
		"https://example.com/" + strings.Repeat("a", maxURL),
	} {
		if err := CheckURL(raw); !errors.Is(err, ErrBlocked) {
			t.Errorf("%s: %v, want ErrBlocked", raw, err)
		}
	}
	for _, raw := range []string{"https://example.com", "HTTPS://Example.com:8443/hook?x=1", "https://8.8.8.8/", "https://[2606:4700::1111]:443/", "https://a1.b2/"} {
		if err := CheckURL(raw); err != nil {
			t.Errorf("%s: %v, want it to pass", raw, err)
		}
	}
}

func TestPlainHTTPIsForAllowedLoopbackLiterals(t *testing.T) {
	for raw, want := range map[string]bool{
		"http://127.0.0.1:8080/": true, "http://[::1]/": true, "https://127.0.0.1/": true, "https://localhost/": true,
		"http://localhost/": false, "http://10.0.0.1/": false, "http://[::ffff:127.0.0.1]/": false,
	} {
		if got := CheckURL(raw, append(loopback, netip.MustParsePrefix("10.0.0.0/8"))...) == nil; got != want {
			t.Errorf("%s passes: %v, want %v", raw, got, want)
		}
	}
}

func TestARefusedURLIsNotRepeated(t *testing.T) {
	for _, raw := range []string{"https://user:hunter2@example.com/", "https://hunter2:%zz@x/"} {
		if err := CheckURL(raw); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error says %v", err)
		}
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, raw := range []string{"https://example.com/", "http://127.0.0.1", "https://[::1%25a]:1", "https://0x7f.1", "https://１２７.0.0.1/"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if CheckURL(raw) != nil {
			return
		}
		u, err := url.Parse(raw)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Fragment != "" {
			t.Fatalf("%q passes", raw)
		}
		if addr, err := netip.ParseAddr(u.Hostname()); err == nil && netipObjects(addr.Unmap()) {
			t.Errorf("%q passes with address %s", raw, addr)
		}
	})
}

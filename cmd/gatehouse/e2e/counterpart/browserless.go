package counterpart

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// FollowTo opens from with an empty cookie jar, follows redirects until one
// leads to an address that begins with stop, and returns that address without
// opening it. It plays the browser where no page has to be filled in.
func FollowTo(t testing.TB, from, stop string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var reached *url.URL
	client := &http.Client{Jar: jar, Timeout: patience, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if strings.HasPrefix(next.URL.String(), stop) {
			reached = next.URL
			return http.ErrUseLastResponse
		}
		if len(via) > 20 {
			return fmt.Errorf("redirected more than 20 times")
		}
		return nil
	}}
	resp, err := client.Get(from)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if reached == nil {
		t.Fatalf("the redirects of %s end at %s with %s, not at %s", from, resp.Request.URL, resp.Status, stop)
	}
	return reached.String()
}

// FreeAddress returns a loopback address nobody listens on, for a counterpart
// that must be told its port. It lies below 32768, where Linux does not hand
// out ports by itself, and is given to nobody else of this process.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range 50 {
		n, err := rand.Int(rand.Reader, big.NewInt(12000))
		if err != nil {
			t.Fatal(err)
		}
		address := fmt.Sprintf("127.0.0.1:%d", 20000+n.Int64())
		if _, taken := given.LoadOrStore(address, true); taken {
			continue
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		return address
	}
	t.Fatal("found no free port in 50 tries")
	return ""
}

// given are the addresses that were given out.
var given sync.Map //nolint:gochecknoglobals // ports are the machine's

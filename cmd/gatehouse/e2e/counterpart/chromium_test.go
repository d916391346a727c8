package counterpart_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
)

func TestChromiumFillsInTheProvidersPageAndReturnsToTheClient(t *testing.T) {
	client := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><p id="code">%s</p>`, "code of "+r.FormValue("state"))
	}))
	defer client.Close()
	redirect := client.URL + "/callback"
	config := oauth2.Config{ClientID: "rp", RedirectURL: redirect, Scopes: []string{"openid"},
		Endpoint: oauth2.Endpoint{AuthURL: upstream(t, redirect) + "/auth"}}

	browser := counterpart.Chromium(t)
	browser.Navigate(config.AuthCodeURL("some-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())))
	browser.Fill("login", "nobody")
	browser.Fill("login", "ada@example.com")
	browser.Click("sign-in")
	browser.WaitFor("code")
	if got := browser.Text("#code"); got != "code of some-state" || !strings.HasPrefix(browser.URL(), redirect) {
		t.Errorf("%q at %s", got, browser.URL())
	}
	picture := filepath.Join(t.TempDir(), "page.png")
	browser.Screenshot(picture)
	if png, err := os.ReadFile(picture); err != nil || !bytes.HasPrefix(png, []byte("\x89PNG")) {
		t.Errorf("no picture: %v", err)
	}
}

func TestChromiumReportsWhatThePolicyRefusesAndWhatScriptsThrow(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/strict":
			w.Header().Set("Content-Security-Policy", "default-src 'none'")
		case "/throws":
			fmt.Fprint(w, `<script>throw new Error("thrown on purpose")</script>`)
		}
		fmt.Fprint(w, `<!doctype html><link rel="icon" href="data:,"><p>page</p><script>document.title = "ran"</script>`)
	}))
	defer site.Close()
	browser := counterpart.Chromium(t)
	browser.Navigate(site.URL + "/calm")
	if got := browser.Problems(); len(got) != 0 {
		t.Errorf("a calm page has problems: %q", got)
	}
	browser.Navigate(site.URL + "/strict")
	tab := browser.Tab()
	tab.Navigate(site.URL + "/throws")
	for _, c := range []struct {
		browser *counterpart.Browser
		want    string
	}{{browser, "Content Security Policy"}, {tab, "thrown on purpose"}} {
		if got := strings.Join(c.browser.Problems(), "\n"); !strings.Contains(got, c.want) {
			t.Errorf("want %q among the problems, got %q", c.want, got)
		}
	}
}

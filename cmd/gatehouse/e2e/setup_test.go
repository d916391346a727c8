package e2e_test

import (
	"encoding/base32"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
)

func TestU0_ServeOnANewDatabaseKeepsTheSetUpLinkOutOfTheLog(t *testing.T) {
	t.Parallel()
	dir, address, operator := t.TempDir(), counterpart.FreeAddress(t), counterpart.FreeAddress(t)
	var said output
	cmd := exec.Command(binary(t), "serve")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said, &said
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GATEHOUSE_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "GATEHOUSE_ISSUERS_0_PROFILE=default", "GATEHOUSE_ISSUERS_0_URL=http://"+address, "GATEHOUSE_SERVER_PUBLIC_0_ADDRESS="+address, "GATEHOUSE_SERVER_OPERATOR_ADDRESS="+operator)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	var files []string
	eventually(t, 30*time.Second, "a set-up link", func() bool {
		files, _ = filepath.Glob(filepath.Join(dir, "*.setup-link"))
		return len(files) == 1
	})
	text, err := os.ReadFile(files[0])
	info, statErr := os.Stat(files[0])
	if err != nil || statErr != nil || info.Mode().Perm() != 0o600 || !strings.HasPrefix(string(text), "http://"+address+"/enrol?token=enr_") {
		t.Fatalf("the link %q %v %v %v", text, info.Mode(), err, statErr)
	}
	link := strings.TrimSpace(string(text))
	eventually(t, 30*time.Second, "an answer", func() bool {
		resp, err := http.Get(link)
		if err == nil {
			_ = resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	})
	page := request(t, http.MethodGet, link, "")
	if !strings.Contains(page.body, `id="login">operator<`) {
		t.Errorf("%d %.600s", page.status, page.body)
	}
	if out := said.String(); !strings.Contains(out, filepath.Base(files[0])) || strings.Contains(out, "enr_") {
		t.Errorf("it said\n%s", out)
	}
}

// A person of the demo whose upstream proves no second factor, at a host that is
// an address: an app of theirs it is.
func TestChromiumStepsUpWithAnAuthenticatorAppInTheDemo(t *testing.T) {
	atChromium(t, func(t *testing.T, w *person) {
		w.Navigate(w.sample())
		w.Click("strong-" + w.i.Name)
		w.password(w.p.user("bob"))
		w.WaitFor("enrol")
		if w.read(`document.getElementById("create") === null`) != "true" {
			t.Error("a passkey is offered at an address")
		}
		w.picture("factor-setup-app")
		if _, err := chromedp.Run(w.Context(), chromedp.Evaluate[chromedp.Void](`document.querySelector(".steps summary").click()`)); err != nil {
			t.Fatal(err)
		}
		secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(w.Text("#secret"), " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		w.Fill("code", "000000")
		w.Click("enrol")
		w.WaitFor("problem")
		code, err := totp.GenerateCode(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		w.Fill("code", code)
		w.Click("enrol")
		w.WaitFor("codes")
		w.Click("continue")
		w.Click("allow")
		w.WaitFor("granted")
		if got := w.Text("#claims"); !strings.Contains(got, `"otp"`) || !strings.Contains(got, "multi-factor") {
			t.Errorf("claims %s", got)
		}
	})
}

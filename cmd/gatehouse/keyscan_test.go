package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

// published makes a text that whoever reads the published layout takes for a
// key; nobody issued it.
func published(t *testing.T, prefix string) string {
	t.Helper()
	for range 1000 {
		raw := make([]byte, 48)
		_, _ = rand.Read(raw)
		raw[0] = 1
		binary.BigEndian.PutUint32(raw[44:], crc32.Checksum(append([]byte(prefix), raw[:44]...), crc32.MakeTable(crc32.Castagnoli)))
		text := prefix + base64.StdEncoding.EncodeToString(raw)
		if _, err := apikey.Parse(authz.Secret(text)); err == nil {
			return text
		}
	}
	t.Fatal("no alphanumeric text was drawn")
	return ""
}

// scan runs key scan in this process.
func scan(t *testing.T, output, stdin string, paths ...string) (finds []find, said, warned string, err error) {
	t.Helper()
	var out, warn bytes.Buffer
	s := &keyScan{ctx: t.Context(), out: &out, warn: &warn, json: output == "json", progress: &progress{}}
	for _, path := range paths {
		if path == "-" {
			err = s.scan(strings.NewReader(stdin), newGitLog("-"))
		} else {
			err = s.path(path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var f find
		if json.Unmarshal([]byte(line), &f) == nil {
			finds = append(finds, f)
		}
	}
	return finds, out.String(), warn.String(), s.verdict()
}

func TestU12_LeakedKeysAreFoundInDirectories(t *testing.T) {
	dir := t.TempDir()
	live, sandbox := published(t, "up_live_"), published(t, "sp_test_")
	for name, text := range map[string]string{
		"a/.env": "# config\nUP_API_KEY=" + live + "\n", "a/b/app.min.js": strings.Repeat("x", 200_000) + sandbox + strings.Repeat("y", 200_000),
		"clean.txt": "up_live_" + strings.Repeat("A", 64) + "\n", "od\x1bd": live,
	} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/dev/zero", filepath.Join(dir, "endless")); err != nil {
		t.Fatal(err)
	}
	finds, said, _, err := scan(t, "json", "", dir)
	want := map[string]find{
		filepath.Join(dir, "a/.env"):         {live[:24], live[68:], filepath.Join(dir, "a/.env"), 2, ""},
		filepath.Join(dir, "a/b/app.min.js"): {sandbox[:24], sandbox[68:], filepath.Join(dir, "a/b/app.min.js"), 1, ""},
		filepath.Join(dir, "od\x1bd"):        {live[:24], live[68:], filepath.Join(dir, "od\x1bd"), 1, ""},
	}
	if len(finds) != len(want) || err == nil {
		t.Fatalf("found %+v, %v", finds, err)
	}
	for _, f := range finds {
		if f != want[f.Path] {
			t.Errorf("found %+v, want %+v", f, want[f.Path])
		}
	}
	_, text, _, _ := scan(t, "text", "", dir)
	for _, secret := range []string{live, sandbox, live[24:68], sandbox[24:68], "\x1b"} {
		if strings.Contains(said+text, secret) && secret != "\x1b" || strings.Contains(text, "\x1b") {
			t.Errorf("too much is told:\n%s", text)
		}
	}
	if _, said, warned, err := scan(t, "text", "", filepath.Join(dir, "clean.txt")); said != "" || warned != "" || err != nil {
		t.Errorf("nothing to find: %q %q %v", said, warned, err)
	}
	if _, _, warned, err := scan(t, "text", "", filepath.Join(dir, "nowhere")); !strings.Contains(warned, "nowhere: no such file") || err == nil {
		t.Errorf("a path that is not there: %q %v", warned, err)
	}
}

func TestU12_LeakedKeysAreFoundInTheHistoryOfGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		storagetest.Missing(t, "git", "install git")
	}
	dir := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
		return string(out)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key, message := published(t, "up_live_"), published(t, "up_test_")
	git("init", "-q")
	write("app.go", "package app\n\n\n\n\n\n\n\n\nvar x = 1\n-- not a header\n")
	write("gone.txt", "one\ntwo "+key+"\n")
	git("add", ".")
	git("commit", "-qm", "first\n\n--- "+message)
	write("app.go", "package app\n\n\n\n\n\n\n\n\nvar x = 1 // "+key+"\n-- not a header\n")
	git("rm", "-q", "gone.txt")
	git("add", ".")
	git("commit", "-qm", "second")
	first, second := strings.TrimSpace(git("rev-parse", "HEAD~1")), strings.TrimSpace(git("rev-parse", "HEAD"))
	finds, _, _, err := scan(t, "json", git("log", "-p", "--all"), "-")
	want := []find{
		{key[:24], key[68:], "app.go", 10, second}, {key[:24], key[68:], "gone.txt", 2, second}, // and taken away again
		{message[:24], message[68:], "-", 0, first}, {key[:24], key[68:], "gone.txt", 2, first},
	}
	if err == nil || len(finds) != len(want) {
		t.Fatalf("found %+v, %v", finds, err)
	}
	for i, f := range finds {
		if want[i].Line == 0 {
			want[i].Line = f.Line
		}
		if f != want[i] {
			t.Errorf("found %+v, want %+v", f, want[i])
		}
	}
	if finds, _, _, _ := scan(t, "json", "plain\n@@ -1,9999999999 +1 @@ \ncommit "+key, "-"); len(finds) != 1 || finds[0].Path != "-" || finds[0].Line != 3 {
		t.Errorf("in text that is no log: %+v", finds)
	}
}

package config

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecretsCannotBePrinted(t *testing.T) {
	c := Default()
	c.Database.DSN = NewSecret("hunter2")
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("config", "dsn", c.Database.DSN, "database", c.Database)
	asJSON, _ := json.Marshal(c)
	asYAML, err := c.Redacted()
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %q", c.Database, c.Database, c.Database.DSN, c.Database.DSN, c.Database.DSN) +
		log.String() + string(asJSON) + string(asYAML)
	if strings.Contains(all, "hunter2") {
		t.Error("a form of the secret shows it")
	}
	if !strings.Contains(string(asYAML), Placeholder) || NewSecret("").String() != "" {
		t.Error("redaction hides whether there is a secret")
	}
}

func TestSecretsComeFromFilesAndTheEnvironment(t *testing.T) {
	file := write(t, "from file\n")
	c := mustLoad(t, small+"database: {driver: postgres, dsn_file: "+file+"}\n")
	if got := c.Database.DSN.Reveal(); got != "from file" {
		t.Errorf("from a file: %q", got)
	}
	c = mustLoad(t, small+`database: {driver: postgres, dsn: "postgres://u:${env:PW}@h/d"}`, "PW=s${env:ROOT_KEY}")
	if got := c.Database.DSN.Reveal(); got != "postgres://u:s${env:ROOT_KEY}@h/d" {
		t.Errorf("expanded more or less than once: %q", got)
	}
}

func TestASecretOfTheEnvironmentReplacesTheFilesInEitherForm(t *testing.T) {
	file := write(t, "from file")
	inFile := small + "database: {driver: postgres, dsn_file: /absent}\n"
	if got := mustLoad(t, inFile, "GATEHOUSE_DATABASE_DSN=given").Database.DSN.Reveal(); got != "given" {
		t.Errorf("got %q", got)
	}
	inline := small + "database: {driver: postgres, dsn: given}\n"
	if got := mustLoad(t, inline, "GATEHOUSE_DATABASE_DSN_FILE="+file).Database.DSN.Reveal(); got != "from file" {
		t.Errorf("got %q", got)
	}
}

func TestSecretsThatCannotBeFetchedAreProblems(t *testing.T) {
	empty := write(t, "\n")
	for text, path := range map[string]string{
		"database: {driver: postgres, dsn: a, dsn_file: b}":        "database.dsn",
		"database: {driver: postgres, dsn_file: /absent}":          "database.dsn_file",
		"database: {driver: postgres, dsn_file: " + empty + "}":    "database.dsn_file",
		`database: {driver: postgres, dsn: "${env:ABSENT}"}`:       "database.dsn",
		`database: {driver: postgres, dsn: "[redacted]"}`:          "database.dsn",
		`webhook: {url: "https://${env:HOST}/", secret: whsec_AA}`: "webhook.url",
	} {
		_, err := load(t, small+text+"\n", "HOST=a.test")
		problemAt(t, err, path)
	}
}

func TestASecretWhoseFileCannotBeReadIsOneProblem(t *testing.T) {
	for _, text := range []string{
		small + "database: {driver: postgres, dsn_file: /absent}\n",
		strings.Replace(small, `value: "${env:ROOT_KEY}"`, "value_file: /absent", 1),
	} {
		_, err := load(t, text)
		if problems, ok := errors.AsType[Problems](err); !ok || len(problems) != 1 || !strings.HasSuffix(problems[0].Path, "_file") {
			t.Errorf("problems: %v", err)
		}
	}
}

func TestReferencesAreNotExpandedOutsideSecrets(t *testing.T) {
	_, err := load(t, strings.Replace(small, "auth.uptimepulse.test", "${env:HOST}", 1), "HOST=auth.test")
	p := problemAt(t, err, "issuers[0].url")
	if !strings.Contains(p.Message, "secrets only") {
		t.Errorf("message: %s", p.Message)
	}
}

func TestRootKeysAreHexOrBase64(t *testing.T) {
	for range 200 {
		key := make([]byte, 32)
		rand.Read(key)
		for _, text := range []string{
			hex.EncodeToString(key), strings.ToUpper(hex.EncodeToString(key)), b64(key), strings.TrimRight(b64(key), "="),
			strings.NewReplacer("+", "-", "/", "_").Replace(b64(key)), b64(key) + "\n",
		} {
			got, err := RootKey{Value: NewSecret(text)}.Bytes()
			if err != nil || !bytes.Equal(got, key) {
				t.Fatalf("%q: %x, %v", text, got, err)
			}
		}
	}
}

func TestSC_08_ExampleShortAndPatternedRootKeysAreRefused(t *testing.T) {
	sequence := make([]byte, 32)
	for i := range sequence {
		sequence[i] = byte(i)
	}
	for name, text := range map[string]string{
		"empty":      "",
		"short":      b64([]byte(rootKey)[:31]),
		"zero":       b64(make([]byte, 32)),
		"zero hex":   strings.Repeat("00", 32),
		"repeated":   hex.EncodeToString(bytes.Repeat([]byte("\x13\x37\xbe\xef"), 8)),
		"sequence":   b64(sequence),
		"changeme":   b64([]byte("please-changeme-please-changeme-1")),
		"plain word": "changemechangemechangemechangemechangemechang",
		"password":   b64([]byte("MyVeryLongPassWord-1234-5678-90ab")),
		"not a code": strings.Repeat("not base64! ", 4),
	} {
		_, err := load(t, strings.Replace(small, "${env:ROOT_KEY}", text, 1))
		p := problemAt(t, err, "secrets.root_keys[0].value")
		if text != "" && strings.Contains(p.String(), text) {
			t.Errorf("%s: the message quotes the key: %s", name, p)
		}
	}
}

func TestFilesEveryoneMayReadAreWarnedOf(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(rootKey), 0o644); err != nil {
		t.Fatal(err)
	}
	c := mustLoad(t, strings.Replace(small, `value: "${env:ROOT_KEY}"`, "value_file: "+file, 1))
	c.Issuers[0].Connections = []Connection{{ClientSecretFile: file}}
	w := c.Warnings()
	if len(w) != 2 || w[0].Path != "secrets.root_keys[0].value_file" || w[1].Path != "issuers[0].connections[0].client_secret_file" {
		t.Errorf("warnings: %v", w)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if w := c.Warnings(); len(w) != 0 {
		t.Errorf("warnings: %v", w)
	}
}

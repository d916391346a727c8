package deliverytest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// SecretsManager is PutSecretValue of AWS Secrets Manager, as its service model has
// it (protocol JSON 1.1, version 2017-10-17), with the signature of the request
// checked (Signature Version 4).
type SecretsManager struct {
	*httptest.Server
	ARN, Region, AccessKeyID, SecretAccessKey string

	mu       sync.Mutex
	versions []secretVersion // the oldest first
	faults   []string
	code     string
	lose     bool
}

type secretVersion struct{ id, text string }

// NewSecretsManager starts one with a secret that has no value yet; it ends with
// the test. Requests no client of AWS would send fail the test.
func NewSecretsManager(t testing.TB) *SecretsManager {
	t.Helper()
	m := &SecretsManager{
		ARN: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gatehouse/backend-AbCdEf", Region: "eu-central-1",
		AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "test-secret-access-key",
	}
	m.Server = httptest.NewServer(m)
	t.Cleanup(func() {
		m.Close()
		for _, fault := range m.faults {
			t.Errorf("Secrets Manager was asked wrongly: %s", fault)
		}
	})
	return m
}

// Fail answers every request with an exception; empty for no more.
func (m *SecretsManager) Fail(code string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.code = code
}

// LoseAnswers carries writes out and drops the connection instead of answering.
func (m *SecretsManager) LoseAnswers(lose bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lose = lose
}

// Current is the text staged AWSCURRENT and how many versions there are.
func (m *SecretsManager) Current() (string, int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.versions) == 0 {
		return "", 0
	}
	return m.versions[len(m.versions)-1].text, len(m.versions)
}

func (m *SecretsManager) fault(what string) { m.faults = append(m.faults, what) }

// put is the input of PutSecretValue.
type put struct {
	SecretId           string
	ClientRequestToken string
	SecretBinary       *string
	SecretString       *string
	VersionStages      []string
	RotationToken      *string
}

// ServeHTTP answers as Secrets Manager does.
func (m *SecretsManager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	raw, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	target := r.Header.Get("X-Amz-Target")
	known := target == "secretsmanager.PutSecretValue" || target == "secretsmanager.DescribeSecret"
	if r.Method != http.MethodPost || r.URL.Path != "/" || !known || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
		m.fault(r.Method + " " + r.URL.Path + " " + r.Header.Get("X-Amz-Target") + " " + r.Header.Get("Content-Type"))
		exception(w, "UnknownOperationException")
		return
	}
	if !m.signed(r, raw) {
		exception(w, "InvalidSignatureException")
		return
	}
	if m.code != "" {
		exception(w, m.code)
		return
	}
	if target == "secretsmanager.DescribeSecret" {
		m.describe(w, raw)
		return
	}
	var in put
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		m.fault("the body: " + err.Error())
		exception(w, "SerializationException")
		return
	}
	m.put(w, in)
}

func (m *SecretsManager) describe(w http.ResponseWriter, raw []byte) {
	var in struct{ SecretId string } //nolint:revive // as the model spells it
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		m.fault("the body: " + err.Error())
		exception(w, "SerializationException")
		return
	}
	if in.SecretId != m.ARN {
		exception(w, "ResourceNotFoundException")
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(map[string]any{"ARN": m.ARN, "Name": "gatehouse/backend", "RotationEnabled": false})
}

func (m *SecretsManager) put(w http.ResponseWriter, in put) {
	switch n := len(in.ClientRequestToken); {
	case in.SecretString == nil || in.SecretBinary != nil || len(*in.SecretString) < 1 || len(*in.SecretString) > 65536 || n < 32 || n > 64 || in.VersionStages != nil:
		m.fault("members outside of the model")
		exception(w, "ValidationException")
		return
	case in.SecretId != m.ARN:
		exception(w, "ResourceNotFoundException")
		return
	}
	at := slices.IndexFunc(m.versions, func(v secretVersion) bool { return v.id == in.ClientRequestToken })
	switch {
	case at >= 0 && m.versions[at].text != *in.SecretString:
		exception(w, "ResourceExistsException")
		return
	case at < 0:
		m.versions = append(m.versions, secretVersion{in.ClientRequestToken, *in.SecretString})
	}
	if m.lose {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"ARN": m.ARN, "Name": "gatehouse/backend", "VersionId": in.ClientRequestToken, "VersionStages": []string{"AWSCURRENT"},
	})
}

func exception(w http.ResponseWriter, code string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]any{"__type": code, "Message": "the inner words of AWS"})
}

// authorization is the header of Signature Version 4.
var authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/secretsmanager/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$`)

// signed computes the signature anew (AWS General Reference, "Create a signed AWS
// API request").
func (m *SecretsManager) signed(r *http.Request, body []byte) bool {
	found := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
	if found == nil || found[1] != m.AccessKeyID || found[3] != m.Region {
		m.fault("the Authorization " + r.Header.Get("Authorization"))
		return false
	}
	names := strings.Split(found[4], ";")
	for _, needed := range []string{"host", "x-amz-date", "x-amz-target"} {
		if !slices.Contains(names, needed) {
			m.fault(needed + " is not signed")
			return false
		}
	}
	var canonical strings.Builder
	canonical.WriteString("POST\n/\n\n")
	for _, name := range names {
		value := r.Header.Get(name)
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = r.Header.Get("Content-Length")
			if value == "" {
				value = strconv.FormatInt(r.ContentLength, 10)
			}
		}
		canonical.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	canonical.WriteString("\n" + found[4] + "\n" + hexSum(body))
	scope := found[2] + "/" + m.Region + "/secretsmanager/aws4_request"
	text := "AWS4-HMAC-SHA256\n" + r.Header.Get("X-Amz-Date") + "\n" + scope + "\n" + hexSum([]byte(canonical.String()))
	key := []byte("AWS4" + m.SecretAccessKey)
	for _, part := range []string{found[2], m.Region, "secretsmanager", "aws4_request"} {
		key = mac(key, part)
	}
	return hmac.Equal([]byte(hex.EncodeToString(mac(key, text))), []byte(found[5]))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text))
	return h.Sum(nil)
}

func hexSum(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

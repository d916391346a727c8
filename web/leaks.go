package web

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/leakreport"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit"
)

// The headers of GitHub's secret scanning partner program.
const (
	partnerKeyHeader       = "Github-Public-Key-Identifier"
	partnerSignatureHeader = "Github-Public-Key-Signature"
)

// reasonInBody is what the audit trail says of a credential in a body.
const reasonInBody = "credential_in_body"

const (
	// maxReport bounds a report, in bytes.
	maxReport = 256 << 10
	// leakTime bounds what is done about a key that leaked in a request.
	leakTime = 5 * time.Second
)

var (
	errKeyInURL = authz.NewError(authz.Invalid, errCredentialInURL.Code, errCredentialInURL.Description)
	// errCredentialInBody keeps to a code of RFC 6749; the audit trail says more. What
	// was in a body is in no log on its way: the key has not leaked.
	errCredentialInBody = authz.NewError(authz.Invalid, "invalid_request", "Credentials are accepted in the Authorization header only.")

	errNoPartner = authz.NewError(authz.Unauthenticated, "invalid_signature", "Signed reports are not taken here: leaks.github_keys_url is not set.")
)

// LeakVerifier checks who signed a report (authz/leakreport).
type LeakVerifier interface {
	Verify(ctx context.Context, keyID, signature string, body []byte) error
}

// leakLooks is how often one key is looked at that leaks in requests: twice,
// then once in ten minutes. Its people are told once an hour at most.
func leakLooks(clock authz.Clock) ratelimit.Config {
	return ratelimit.Config{PerSecond: 1.0 / 600, Burst: 2, Clock: clock, MaxKeys: 20_000}
}

// leaks refuses a request whose URL holds an API key, of whichever issuer, and
// one that a browser's script authenticates with a key; the keys are reported as
// leaked: what was in a URL is in logs on the way, what is in a page is
// everybody's.
func (s *site) leaks(ctx context.Context, r *http.Request, rt route) error {
	if keys := keysInURI(r); len(keys) > 0 {
		s.reportLeaks(ctx, "url", keys)
		if isForwardAuth(rt) { // gateways know 401 and 403
			return s.refusedRequest(ctx, errCredentialInURL, errCredentialInURL.Code)
		}
		return s.refusedRequest(ctx, errKeyInURL, errKeyInURL.Code)
	}
	if len(r.Header["Origin"]) == 0 || isForwardAuth(rt) {
		return nil
	}
	if key, ok := s.keyInHeader(r); ok {
		s.reportLeaks(ctx, "browser", []authz.Secret{key})
		return s.refusedRequest(ctx, errKeyInBrowser, errKeyInBrowser.Code)
	}
	return nil
}

func isForwardAuth(rt route) bool { return strings.Contains(rt.pattern, "/v1/forward-auth") }

// refusedRequest records a refusal under its reason, as often for each address as
// entries may be made.
func (s *site) refusedRequest(ctx context.Context, refusal *authz.Error, reason string) error {
	if s.refusals.Allow(authz.OriginFrom(ctx).IP+" "+reason) != nil {
		return refusal
	}
	if err := s.Audit(ctx, "credential.refused", reason, ""); err != nil {
		return err
	}
	return refusal
}

// keysInURI finds keys in the path and query, as they were sent and decoded.
func keysInURI(r *http.Request) []authz.Secret {
	if strings.IndexByte(r.RequestURI, '%') < 0 {
		return apikey.Pick(r.RequestURI)
	}
	query, err := url.QueryUnescape(r.URL.RawQuery)
	if err != nil {
		query = r.URL.RawQuery
	}
	return apikey.Pick(r.URL.Path + "\n" + query)
}

// keyInHeader is the key that the request authenticates with.
func (s *site) keyInHeader(r *http.Request) (authz.Secret, bool) {
	header := r.Header.Get("Authorization")
	scheme, text, _ := strings.Cut(header, " ")
	if strings.EqualFold(scheme, "Basic") {
		_, text, _ = r.BasicAuth()
	}
	text = strings.TrimSpace(text)
	return authz.Secret(text), s.IsKey(text)
}

// reportLeaks reports keys that leaked in a request. That this fails is no
// reason to do what was asked, and the next request will tell of the same key.
func (s *site) reportLeaks(ctx context.Context, kind string, keys []authz.Secret) {
	if s.ReportLeak == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, leakTime)
	defer cancel()
	for _, key := range keys {
		digest := sha256.Sum256([]byte(key.Reveal()))
		if s.leakLooks.Allow(kind+string(digest[:])) != nil {
			continue
		}
		if _, err := s.ReportLeak(ctx, key, apikey.LeakSource{Kind: kind}); err != nil {
			s.logger.WarnContext(ctx, "a leaked key could not be reported", "request_id", authz.OriginFrom(ctx).RequestID, "error", err.Error())
		}
	}
}

// POST /v1/leaks/report: whoever holds a key may report it; GitHub reports many,
// signed. A key in the body authenticates nobody here: it is what is examined.
func (s *site) postLeakReport(w http.ResponseWriter, r *http.Request) error {
	if s.ReportLeak == nil {
		return s.notFound(w, r)
	}
	if r.URL.RawQuery != "" {
		return invalid("Send members in the body; this endpoint takes none in the query.")
	}
	text, err := s.readJSON(r, maxReport)
	if err != nil {
		return err
	}
	body := []byte(text)
	if len(r.Header[partnerKeyHeader])+len(r.Header[partnerSignatureHeader]) > 0 {
		return s.partnerReport(w, r, body)
	}
	if err := allow(s.limits.Leaks.PerClient, "anybody"); err != nil {
		return err
	}
	report, err := leakreport.Parse(body)
	if err != nil {
		return err
	}
	known, err := s.ReportLeak(r.Context(), report.Token, apikey.LeakSource{Kind: "report", URL: report.URL})
	if err != nil {
		return err
	}
	w.Header()["Cache-Control"] = noStore
	writeJSON(w, http.StatusOK, map[string]bool{"known": known})
	return nil
}

// labelled is what GitHub is told of each token; by its digest, so that no
// answer holds a key.
type labelled struct {
	TokenHash string `json:"token_hash"` // base64 of SHA-256
	TokenType string `json:"token_type"`
	Label     string `json:"label"`
}

// partnerReport takes the reports that GitHub signed.
func (s *site) partnerReport(w http.ResponseWriter, r *http.Request, body []byte) error {
	if s.LeakPartner == nil {
		return errNoPartner
	}
	if len(r.Header[partnerKeyHeader]) != 1 || len(r.Header[partnerSignatureHeader]) != 1 {
		return invalid("The key identifier and the signature must be there once.")
	}
	if err := s.LeakPartner.Verify(r.Context(), r.Header.Get(partnerKeyHeader), r.Header.Get(partnerSignatureHeader), body); err != nil {
		return s.unauthenticated(r, "leak_report.refused", "", err)
	}
	if err := allow(s.limits.Leaks.PerClient, "github"); err != nil {
		return err
	}
	reports, err := leakreport.ParsePartner(body)
	if err != nil {
		return err
	}
	labels := make([]labelled, 0, len(reports))
	for _, report := range reports {
		known, err := s.ReportLeak(r.Context(), report.Token, apikey.LeakSource{Kind: "github", URL: report.URL})
		if authz.KindOf(err) == authz.RateLimited {
			continue // somebody else is guessing at that key: nothing can be said of it now
		}
		if err != nil {
			return err
		}
		digest := sha256.Sum256([]byte(report.Token.Reveal()))
		label := "false_positive"
		if known {
			label = "true_positive"
		}
		labels = append(labels, labelled{TokenHash: base64.StdEncoding.EncodeToString(digest[:]), TokenType: report.Type, Label: label})
	}
	w.Header()["Cache-Control"] = noStore
	writeJSON(w, http.StatusOK, labels)
	return nil
}

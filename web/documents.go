package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

func entityTag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// document answers with a body that caches may keep, or 304 for who has it.
// The two headers are given as they are kept.
func document(w http.ResponseWriter, r *http.Request, body []byte, etag, cacheControl []string) {
	h := w.Header()
	h["Etag"] = etag
	h["Cache-Control"] = cacheControl
	if match := r.Header.Get("If-None-Match"); match != "" && (match == "*" || strings.Contains(match, etag[0])) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	writeRendered(w, http.StatusOK, body)
}

// GET /.well-known/openid-configuration and /.well-known/oauth-authorization-server
// (OpenID Connect Discovery section 4, RFC 8414 section 3). With ?download it
// is saved as a file.
func (s *site) getMetadata(w http.ResponseWriter, r *http.Request) error {
	if r.URL.RawQuery != "" && r.URL.Query().Has("download") {
		w.Header().Set("Content-Disposition", `attachment; filename="`+s.name+`-openid-configuration.json"`)
	}
	d := s.described(r.Context())
	document(w, r, d.metadata, d.etag, metadataCache)
	return nil
}

// GET /.well-known/jwks.json (RFC 7517)
func (s *site) getJWKS(w http.ResponseWriter, r *http.Request) error {
	body, etag := s.JWKS()
	document(w, r, body, []string{etag}, s.jwksCache)
	return nil
}

var metadataCache = []string{"public, max-age=3600"}

// cacheFor lets caches keep a document for a time, and no longer.
func cacheFor(age time.Duration) []string {
	return []string{"public, max-age=" + strconv.Itoa(int(age/time.Second)) + ", must-revalidate"}
}

// GET /
func (s *site) getWelcome(w http.ResponseWriter, _ *http.Request) error {
	return s.pages.Write(w, http.StatusOK, ui.WelcomePage, nil)
}

func (s *site) notFound(http.ResponseWriter, *http.Request) error {
	return authz.NewError(authz.NotFound, "not_found", "There is nothing at this address.")
}

package web

import (
	"net/http"
	"net/url"
	"strings"
)

const resourceMetadataPath = "/.well-known/oauth-protected-resource"

// GET /.well-known/oauth-protected-resource (RFC 9728 section 3)
func (s *site) getResource(w http.ResponseWriter, r *http.Request) error {
	d := s.described(r.Context())
	document(w, r, d.resource, d.resourceTag, metadataCache)
	return nil
}

// GET /.well-known/oauth-protected-resource/v1, for the management API
func (s *site) getManagementResource(w http.ResponseWriter, r *http.Request) error {
	d := s.described(r.Context())
	document(w, r, d.managed, d.managedTag, metadataCache)
	return nil
}

// bearerError is the renderer that also tells where tokens come from (RFC 9728
// section 5.1).
func (s *site) bearerError(w http.ResponseWriter, r *http.Request, err error) {
	bearerError(s.leading(w), r, err)
}

// leading makes every 401 lead to the resource metadata.
func (s *site) leading(w http.ResponseWriter) http.ResponseWriter {
	return &challenger{ResponseWriter: w, parameter: s.tokensFrom}
}

// challenger adds a parameter to the challenges of a 401.
type challenger struct {
	http.ResponseWriter
	parameter string
}

// WriteHeader adds the parameter before the headers are gone.
func (c *challenger) WriteHeader(code int) {
	if challenges := c.Header()["Www-Authenticate"]; code == http.StatusUnauthorized {
		for n := range challenges {
			challenges[n] += c.parameter
		}
	}
	c.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController reach the connection.
func (c *challenger) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// documentHost is the host of a client_id that is a URL, for logs and limits:
// the rest of it was made up by whoever sent it.
func documentHost(id string) string {
	u, err := url.Parse(id)
	if err != nil || len(u.Host) > 255 {
		return ""
	}
	odd := func(r rune) bool {
		return r != '.' && r != '-' && r != ':' && r != '[' && r != ']' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	}
	if u.Host == "" || strings.ContainsFunc(u.Host, odd) {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

const resourceMetadataPath = "/.well-known/oauth-protected-resource"

// describeResource renders what the API says of itself as a protected resource.
func (s *site) describeResource() error {
	var err error
	if s.resource, err = s.OAuth.ResourceMetadata("", s.Pages.Brand()); err != nil {
		return err
	}
	if s.managed, err = s.OAuth.ResourceMetadata(oauth.ManagementPath, s.Pages.Brand()); err != nil {
		return err
	}
	settings := s.OAuth.Settings()
	api := settings.APIURL
	if api == "" {
		api = settings.URL
	}
	s.tokensFrom = `, resource_metadata="` + api + resourceMetadataPath + `"`
	return nil
}

// GET /.well-known/oauth-protected-resource (RFC 9728 section 3)
func (s *site) getResource(w http.ResponseWriter, r *http.Request) error {
	document(w, r, s.resource, entityTag(s.resource), "public, max-age=3600")
	return nil
}

// GET /.well-known/oauth-protected-resource/v1, for the management API
func (s *site) getManagementResource(w http.ResponseWriter, r *http.Request) error {
	document(w, r, s.managed, entityTag(s.managed), "public, max-age=3600")
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

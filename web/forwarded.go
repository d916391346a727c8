package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

// forwarded is the credential of the request that is held back. One that is in
// its URL is refused, whatever the header says, and so is a key from a browser.
func (s *site) forwarded(r *http.Request) (authz.Secret, error) {
	if s.urlHoldsCredential(r) {
		return "", errCredentialInURL
	}
	headers := r.Header["Authorization"]
	if len(headers) == 0 {
		return "", authz.NewError(authz.Unauthenticated, codeNoBearer, "")
	}
	scheme, text, _ := strings.Cut(headers[0], " ")
	text = strings.TrimSpace(text)
	switch {
	case len(headers) > 1 || text == "":
		return "", errInactiveToken
	case strings.EqualFold(scheme, "DPoP"):
		return "", errBound
	case !strings.EqualFold(scheme, "Bearer"):
		return "", authz.NewError(authz.Unauthenticated, codeNoBearer, "")
	case s.IsKey(text) && r.Header.Get("Origin") != "":
		return "", errKeyInBrowser
	}
	return authz.Secret(text), nil
}

// urlHoldsCredential looks where gateways say which URL they were asked for.
func (s *site) urlHoldsCredential(r *http.Request) bool {
	if s.queryHoldsCredential(r.URL.RawQuery) {
		return true
	}
	for _, uri := range forwardedURIs(r) {
		if _, query, ok := strings.Cut(uri, "?"); ok && s.queryHoldsCredential(query) || len(apikey.Pick(uri)) > 0 {
			return true
		}
	}
	return false
}

// forwardedURIs are what gateways say they were asked for, in whichever header
// they say it.
func forwardedURIs(r *http.Request) []string {
	var uris []string
	for _, header := range []string{"X-Original-Uri", "X-Original-Url", "X-Forwarded-Uri", "X-Envoy-Original-Path"} {
		uris = append(uris, r.Header[header]...)
	}
	return uris
}

// reportForwarded reports the keys for which a request was refused.
func (s *site) reportForwarded(r *http.Request, refusal error) {
	switch authz.CodeOf(refusal) {
	case errCredentialInURL.Code:
		var keys []authz.Secret
		for _, uri := range forwardedURIs(r) {
			decoded, err := url.QueryUnescape(uri)
			if err != nil {
				decoded = uri
			}
			keys = append(keys, apikey.Pick(decoded)...)
		}
		s.reportLeaks(r.Context(), "url", keys)
	case errKeyInBrowser.Code:
		if key, ok := s.keyInHeader(r); ok {
			s.reportLeaks(r.Context(), "browser", []authz.Secret{key})
		}
	}
}

func (s *site) queryHoldsCredential(query string) bool {
	values, _ := url.ParseQuery(query) // what cannot be read is left out, the rest is looked at
	return holdsCredential(values, s.IsKey)
}

// holdsKey reports whether a text has a key of ours in it, of whichever issuer.
// A key that was imported may look like anything, a code or a verifier too.
func holdsKey(text string) bool { return len(apikey.Pick(text)) > 0 }

// holdsCredential reports whether values have a credential in them, by the name
// of a parameter or by what a value looks like, but for the parameters whose
// values are examined.
func holdsCredential(values url.Values, like func(string) bool, examined ...string) bool {
	for name, list := range values {
		if slices.Contains(examined, name) {
			continue
		}
		switch strings.ToLower(name) {
		case "access_token", "api_key", "apikey":
			return true
		}
		for _, v := range list {
			if like(v) {
				return true
			}
		}
	}
	return false
}

// useInQuery reads what the gateway asks of every request.
func useInQuery(query string) (credential.Use, error) {
	var u credential.Use
	if query == "" {
		return u, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return u, invalid("The query could not be read.")
	}
	for name, list := range values {
		if len(list) != 1 {
			return u, invalid("A parameter is there more than once.")
		}
		switch name {
		case "action":
			u.Action = list[0]
		case "environment":
			u.Environment = authz.Environment(list[0])
		case "resource":
			kind, id, _ := strings.Cut(list[0], ":")
			u.Kind, u.ID = authz.ResourceKind(kind), id
		default:
			return u, invalid("There is a parameter that this endpoint does not have; it has action, environment and resource=kind:id.")
		}
	}
	return u, validUse(u)
}

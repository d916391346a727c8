package web

import (
	"net/http"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// POST /oauth2/introspect (RFC 7662): the hot path. A live credential that was
// seen before costs a MAC of the caller's secret, a digest of the token, and
// the bytes that were rendered when it was first seen.
func (s *site) postIntrospect(w http.ResponseWriter, r *http.Request) error {
	ctx := contextOf(w, r)
	in, text, err := s.readIntrospection(r)
	if err != nil {
		return err
	}
	caller, err := s.OAuth.AuthenticateClient(ctx, in)
	if err != nil {
		return s.unauthenticated(r.WithContext(ctx), "introspection.refused", "", err)
	}
	if !caller.Proven() {
		return s.unauthenticated(r.WithContext(ctx), "introspection.refused", string(caller.ID), errPublicCaller)
	}
	noteIn(ctx).clientID = string(caller.ID)
	if err := allow(s.limits.Introspect.PerClient, string(caller.ID)); err != nil {
		return err
	}
	if text == "" {
		return invalid("token is required, once.")
	}
	w.Header()["Cache-Control"] = noStore
	record, err := s.Verifier.Lookup(ctx, authz.Secret(text))
	switch {
	case err == nil && caller.MaySee(&record.Credential):
		s.keyUsed(record, "")
		return s.introspected(ctx, w, r, caller, record.JSON)
	case err == nil || authz.KindOf(err) == authz.Unauthenticated:
		return s.introspected(ctx, w, r, caller, inactive)
	}
	return err
}

var (
	inactive        = []byte(`{"active":false}`)
	errPublicCaller = authz.NewError(authz.Unauthenticated, "invalid_client", "Public clients cannot introspect.")
)

// readIntrospection reads the form, and the token, which is "" unless it was
// sent once. A body that is a token and nothing else, from a client that
// authenticates by header, is what gateways send all day: it needs no map.
func (s *site) readIntrospection(r *http.Request) (in oauth.Request, text string, err error) {
	body, err := s.readBody(r)
	if err != nil {
		return in, "", err
	}
	in.Authorization = first(r.Header, "Authorization")
	if text, ok := onlyToken(body); ok && in.Authorization != "" {
		return in, text, nil
	}
	if in, err = s.formRequest(r, body); err != nil {
		return in, "", err
	}
	if tokens := in.Form["token"]; len(tokens) == 1 {
		text = tokens[0]
	}
	return in, text, nil
}

// onlyToken returns the token of a body that holds one parameter, spelled
// without an escape.
func onlyToken(body string) (string, bool) {
	text, ok := strings.CutPrefix(body, "token=")
	return text, ok && !strings.ContainsAny(text, "&;%+")
}

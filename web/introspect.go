package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// POST /oauth2/introspect (RFC 7662): the hot path. A live credential that was
// seen before costs a MAC of the caller's secret, a digest of the token, and
// the bytes that were rendered when it was first seen.
func (s *site) postIntrospect(w http.ResponseWriter, r *http.Request) error {
	ctx := contextOf(w, r)
	asked, err := s.readIntrospection(ctx, r)
	if err != nil {
		return err
	}
	caller, err := s.OAuth.AuthenticateClient(ctx, asked.in)
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
	if asked.text == "" {
		return invalid("token is required, once.")
	}
	w.Header()["Cache-Control"] = noStore
	record, err := s.Verifier.Lookup(ctx, authz.Secret(asked.text))
	switch {
	case err == nil && caller.MaySee(&record.Credential):
		return s.introspectedFor(ctx, w, r, caller, record, asked.use)
	case err == nil || authz.KindOf(err) == authz.Unauthenticated:
		return s.introspected(ctx, w, r, caller, inactive)
	}
	return err
}

// introspectedFor tells of a live credential, if it is good for what the caller
// said of its use: what was not said is not asked about.
func (s *site) introspectedFor(ctx context.Context, w http.ResponseWriter, r *http.Request, caller credential.AuthenticatedClient, record *credential.Record, use credential.Use) error {
	if use != (credential.Use{}) {
		reason, err := credential.AdmitsAsTold(&record.Credential, use), error(nil)
		if reason == credential.OK {
			reason, err = s.permits(ctx, &record.Credential, use)
		}
		if err == nil && reason != credential.OK {
			err = s.recordRefusedUse(ctx, record.Principal, use, reason)
		}
		if err != nil {
			return err
		}
		if reason != credential.OK {
			return s.introspected(ctx, w, r, caller, inactive)
		}
	}
	s.keyUsed(record, use.ClientIP)
	key := record.Principal.KeyID
	if key == "" || s.KeyLimits == nil {
		return s.introspected(ctx, w, r, caller, record.JSON)
	}
	buffer := s.buffer()
	defer s.bodies.Put(buffer)
	_, _ = buffer.Write(withQuota(buffer.AvailableBuffer(), record.JSON, s.KeyLimits.Peek(ctx, key, record.Tier)))
	return s.introspected(ctx, w, r, caller, buffer.Bytes())
}

// withQuota adds to an introspection what is left of the rate limit of the key.
func withQuota(body, found []byte, q authz.Quota) []byte {
	body = append(body, found[:len(found)-1]...)
	return append(appendQuota(append(body, `,"rate_limit":`...), q), '}')
}

var (
	inactive        = []byte(`{"active":false}`)
	errPublicCaller = authz.NewError(authz.Unauthenticated, "invalid_client", "Public clients cannot introspect.")
)

// examination is what somebody wants to know at introspection.
type examination struct {
	in   oauth.Request
	text string // "" unless it was sent once
	use  credential.Use
}

// readIntrospection reads the form. A body that is a token and nothing else, from
// a client that authenticates by header, is what gateways send all day: it needs
// no map.
func (s *site) readIntrospection(ctx context.Context, r *http.Request) (examination, error) {
	var asked examination
	body, err := s.readBody(r)
	if err != nil {
		return asked, err
	}
	asked.in.Authorization = first(r.Header, "Authorization")
	if text, ok := onlyToken(body); ok && asked.in.Authorization != "" {
		asked.text = text
		return asked, nil
	}
	if asked.in, err = s.formRequest(r.WithContext(ctx), body, "token"); err != nil {
		return asked, err
	}
	if tokens := asked.in.Form["token"]; len(tokens) == 1 {
		asked.text = tokens[0]
	}
	asked.use, err = useInForm(asked.in.Form)
	return asked, err
}

// useInForm reads what the caller says of the use of the token: parameters of
// ours beside those of RFC 7662, whose section 2.1 allows them.
func useInForm(form url.Values) (credential.Use, error) {
	var u credential.Use
	var resource string
	for name, into := range map[string]*string{
		"action": &u.Action, "environment": (*string)(&u.Environment), "client_ip": &u.ClientIP, "resource": &resource,
	} {
		switch values := form[name]; {
		case len(values) > 1:
			return u, invalid(name + ": is there more than once.")
		case len(values) == 1:
			*into = values[0]
		}
	}
	if resource != "" {
		kind, id, _ := strings.Cut(resource, ":")
		if u.Kind, u.ID = authz.ResourceKind(kind), id; !u.Kind.Valid() {
			return u, invalid("resource: must be kind:id, of the kind cluster, check_group or alert_route.")
		}
	}
	return u, validUse(u)
}

// onlyToken returns the token of a body that holds one parameter, spelled
// without an escape.
func onlyToken(body string) (string, bool) {
	text, ok := strings.CutPrefix(body, "token=")
	return text, ok && !strings.ContainsAny(text, "&;%+")
}

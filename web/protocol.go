package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// Auditor records refused authentications of the endpoints served here.
type Auditor func(ctx context.Context, typ, reason, actor string) error

func invalid(description string) error {
	return authz.NewError(authz.Invalid, "invalid_request", description)
}

// readForm reads a urlencoded body (RFC 6749 appendix B). What the parameters
// named examined hold is looked at, whoever sent it; in no other may a
// credential be.
func (s *site) readForm(r *http.Request, examined ...string) (oauth.Request, error) {
	body, err := s.readBody(r)
	if err != nil {
		return oauth.Request{}, err
	}
	return s.formRequest(r, body, examined...)
}

// formRequest parses the body that readBody read.
func (s *site) formRequest(r *http.Request, body string, examined ...string) (oauth.Request, error) {
	form, err := url.ParseQuery(body)
	if err != nil || len(form) > 64 {
		return oauth.Request{}, invalid("The body could not be read.")
	}
	// Who presents nothing else is nobody, and told so where callers are authenticated.
	certificates := s.certificates(r)
	presents := len(r.Header["Authorization"])+len(certificates) > 0 || form.Has("client_id") || form.Has("client_secret") || form.Has("client_assertion")
	if presents && holdsCredential(form, holdsKey, examined...) {
		return oauth.Request{}, s.refusedRequest(r.Context(), errCredentialInBody, reasonInBody)
	}
	return oauth.Request{
		Authorization: first(r.Header, "Authorization"), Form: form, Method: r.Method, Path: r.URL.Path, DPoP: r.Header["Dpop"],
		Certificates: certificates,
	}, nil
}

// readBody reads the body of a form. Credentials in the query are refused,
// whatever else is right.
func (s *site) readBody(r *http.Request) (string, error) {
	if r.URL.RawQuery != "" {
		return "", invalid("Send parameters in the body; this endpoint takes none in the query.")
	}
	if len(r.Header["Authorization"]) > 1 {
		return "", invalid("There is more than one Authorization header.")
	}
	if ct := first(r.Header, "Content-Type"); ct != formContentType {
		if media, _, err := mime.ParseMediaType(ct); err != nil || media != formContentType {
			return "", invalid("The body must be application/x-www-form-urlencoded.")
		}
	}
	return s.text(r.Body)
}

// readJSON reads a body of JSON; one of more bytes than longest is too large (RFC
// 9110 section 15.5.14).
func (s *site) readJSON(r *http.Request, longest int64) (string, error) {
	if ct := first(r.Header, "Content-Type"); ct != jsonContent {
		if media, _, err := mime.ParseMediaType(ct); err != nil || media != jsonContent {
			return "", invalid("The body must be application/json.")
		}
	}
	body, err := s.text(io.LimitReader(r.Body, longest+1))
	if err == nil && int64(len(body)) > longest {
		err = &http.MaxBytesError{Limit: longest}
	}
	return body, err
}

const jsonContent = "application/json"

// text reads all of a body that has a bound.
func (s *site) text(body io.Reader) (string, error) {
	buffer := s.buffer()
	defer s.bodies.Put(buffer)
	_, err := buffer.ReadFrom(body)
	return buffer.String(), err
}

// buffer is an empty one of those that requests and answers share; who is done
// with it puts it back into bodies.
func (s *site) buffer() *bytes.Buffer {
	buffer, ok := s.bodies.Get().(*bytes.Buffer)
	if !ok {
		return &bytes.Buffer{}
	}
	buffer.Reset()
	return buffer
}

// first is the first value of a header whose name is spelled as net/http keeps
// it, which Get would make sure of each time.
func first(h http.Header, name string) string {
	if values := h[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

const formContentType = "application/x-www-form-urlencoded"

// POST /oauth2/token (RFC 6749 section 3.2)
func (s *site) postToken(w http.ResponseWriter, r *http.Request) error {
	in, err := s.readForm(r, "subject_token", "actor_token")
	if err != nil {
		return err
	}
	n := noteOf(r)
	n.grantType, n.clientID = known(in.Form.Get("grant_type"), oauth.GrantTypes()), claimed(r, in.Form)
	if key := in.Form.Get("subject_token"); len(r.Header["Origin"]) > 0 && s.IsKey(key) { // one in the header was refused before
		s.reportLeaks(r.Context(), "browser", []authz.Secret{authz.Secret(key)})
		return s.refusedRequest(r.Context(), errKeyInBrowser, errKeyInBrowser.Code)
	}
	s.offerNonce(w, in)
	resp, err := s.OAuth.Token(r.Context(), in)
	if err != nil {
		return s.unauthenticated(r, "token.refused", n.clientID, err)
	}
	w.Header()["Cache-Control"] = noStore
	writeJSON(w, http.StatusOK, resp)
	return nil
}

// known returns the value if it is one of the list: logs hold nothing a
// stranger made up, which may be a secret in the wrong place.
func known(value string, list []string) string {
	if slices.Contains(list, value) {
		return value
	}
	return ""
}

// claimed is the client a request says it comes from, in the header or in the
// body, proven or not.
func claimed(r *http.Request, form url.Values) string {
	if id, _, ok := r.BasicAuth(); ok {
		return plainID(id)
	}
	return plainID(form.Get("client_id"))
}

// plainID returns the value if it has the form of our ids, which no secret has.
func plainID(value string) string {
	if authz.ClientID(value).IsURL() {
		return documentHost(value)
	}
	kind, rest, ok := strings.Cut(value, "_")
	if !ok || !slices.Contains([]string{"cl", "sa", "key"}, kind) || len(rest) > 32 {
		return ""
	}
	for _, c := range []byte(rest) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return ""
		}
	}
	return value
}

// POST /oauth2/revoke (RFC 7009)
func (s *site) postRevoke(w http.ResponseWriter, r *http.Request) error {
	in, err := s.readForm(r, "token")
	if err != nil {
		return err
	}
	n := noteOf(r)
	n.clientID = claimed(r, in.Form)
	if err := s.OAuth.Revoke(r.Context(), in); err != nil {
		return s.unauthenticated(r, "revocation.refused", n.clientID, err)
	}
	w.Header()["Cache-Control"] = noStore
	w.WriteHeader(http.StatusOK)
	return nil
}

const codeNoBearer = "no_bearer_token"

// GET, POST /oauth2/userinfo (OpenID Connect Core section 5.3). The token comes
// in the header only.
func (s *site) userinfo(w http.ResponseWriter, r *http.Request) error {
	scheme, text, err := bearer(r)
	if errors.Is(err, errCredentialInBody) {
		return s.refusedRequest(r.Context(), errCredentialInBody, reasonInBody)
	}
	if err != nil {
		return err
	}
	record, err := s.Verifier.Lookup(r.Context(), text)
	if err != nil {
		return s.unauthenticated(r, "userinfo.refused", "", err)
	}
	in := oauth.Request{Method: r.Method, Path: r.URL.Path, DPoP: r.Header["Dpop"], Certificates: s.certificates(r)}
	s.offerNonce(w, in)
	if err := s.OAuth.Possesses(r.Context(), in, scheme, text, record.Confirmation); err != nil {
		return s.unauthenticated(r, "userinfo.refused", string(record.Principal.ClientID), err)
	}
	if err := s.demand("userinfo", record.Principal); err != nil {
		return s.unauthenticated(r, "userinfo.refused", string(record.Principal.ClientID), err)
	}
	told, err := s.OAuth.Userinfo(r.Context(), &record.Credential)
	if err != nil {
		return err
	}
	w.Header()["Cache-Control"] = noStore
	if told.JWT != "" {
		w.Header().Set("Content-Type", "application/jwt")
		_, err := io.WriteString(w, told.JWT)
		return err
	}
	writeJSON(w, http.StatusOK, told.Claims)
	return nil
}

// bearer takes the token from the Authorization header (RFC 6750 section 2.1,
// RFC 9449 section 7.1); in query or body it is refused.
func bearer(r *http.Request) (scheme string, token authz.Secret, err error) {
	if r.URL.Query().Has("access_token") {
		return "", "", invalid("The access token must be in the Authorization header.")
	}
	if err := r.ParseForm(); err != nil {
		return "", "", authz.NewError(authz.Invalid, "invalid_request", "The request could not be read.").Because(err)
	}
	if r.PostForm.Has("access_token") {
		return "", "", errCredentialInBody
	}
	headers := r.Header["Authorization"]
	if len(headers) > 1 {
		return "", "", invalid("There is more than one Authorization header.")
	}
	if len(headers) == 0 {
		return "", "", authz.NewError(authz.Unauthenticated, codeNoBearer, "")
	}
	scheme, text, ok := strings.Cut(headers[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "DPoP") || text == "" {
		return "", "", authz.NewError(authz.Unauthenticated, codeNoBearer, "")
	}
	return scheme, authz.Secret(strings.TrimSpace(text)), nil
}

// unauthenticated records a failed authentication before it is answered; a
// failure to record is a failure to answer.
func (s *site) unauthenticated(r *http.Request, typ, actor string, err error) error {
	if authz.KindOf(err) != authz.Unauthenticated {
		return err
	}
	if auditErr := s.Audit(r.Context(), typ, authz.CodeOf(err), actor); auditErr != nil {
		return auditErr
	}
	return err
}

// GET, POST /oauth2/authorize: the sign-in flow's, within the client's limit.
func (s *site) authorize(w http.ResponseWriter, r *http.Request) error {
	id := plainID(r.URL.Query().Get("client_id"))
	noteOf(r).clientID = id
	if err := allow(s.limits.Authorize.PerClient, id); err != nil {
		return err
	}
	return s.Login.Authorize(w, r)
}

// perUpstream is a step beside the sign-in flow within a limit of its
// connection's own: strangers, who need nothing for it, must not use up the one
// for answers to sign-ins.
func (s *site) perUpstream(step func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := allow(s.limits.Login.PerClient, "beside "+clip(r.PathValue("upstream"), 64)); err != nil {
			return err
		}
		return step(w, r)
	}
}

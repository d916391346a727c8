package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/proof"
)

// maxObjectLife bounds a request object's exp and nbf (FAPI 2.0 Message Signing
// section 5.3.1).
const maxObjectLife = time.Hour

var (
	errRequestObject = fault(authz.Invalid, "invalid_request_object",
		"The request object is malformed, expired, not signed by the client, or made for another server.")
	errUnsignedObject = fault(authz.Invalid, "request_not_supported", "Request objects must be signed.")
)

// requestAlgorithms are the algorithms request objects may be signed with: the
// one registered, or any; RS256 for old clients only.
func requestAlgorithms(m authz.ClientMetadata) []string {
	switch {
	case m.RequestAlgorithm != "":
		return []string{m.RequestAlgorithm}
	case m.FAPI2():
		return proof.Algorithms()
	}
	return append(proof.Algorithms(), "RS256")
}

// RequestObjectAlgorithms are those of any client, for metadata.
func RequestObjectAlgorithms() []string { return requestAlgorithms(authz.ClientMetadata{}) }

// requestObject returns the parameters in a signed request object (RFC 9101
// section 6). Those outside are not looked at, but for client_id, which must
// be the same.
func (s *Server) requestObject(ctx context.Context, outer url.Values) (url.Values, error) {
	if len(outer["request"]) != 1 || len(outer["client_id"]) != 1 || outer.Has("request_uri") {
		return nil, fault(authz.Invalid, "invalid_request", "client_id and request are required, once.")
	}
	client, _, err := s.cfg.Clients.Find(ctx, authz.ClientID(outer.Get("client_id")))
	if err != nil {
		return nil, err
	}
	token, err := proof.Read(outer.Get("request"), requestAlgorithms(client.Metadata))
	if err != nil {
		if unsigned(outer.Get("request")) {
			return nil, errUnsignedObject
		}
		return nil, errRequestObject.Because(err)
	}
	if !objectType(token.Header.Type) {
		return nil, errRequestObject.Because(errors.New("of another type"))
	}
	var members map[string]json.RawMessage
	if err := s.signedBy(ctx, client, token, &members); err != nil {
		if authz.KindOf(err) == authz.Unavailable {
			return nil, err
		}
		return nil, errRequestObject.Because(err)
	}
	var claims objectClaims
	if err := token.Unverified(&claims); err != nil { // verified above
		return nil, errRequestObject.Because(err)
	}
	if err := s.checkObject(client, claims); err != nil {
		return nil, errRequestObject.Because(err)
	}
	return objectParameters(members)
}

// objectType reports whether a JWT of that typ may be a request object. It is a
// media type: its case does not count, nor whether "application/" stands before
// it (RFC 7515 section 4.1.9, RFC 9101 section 10.8).
func objectType(typ string) bool {
	short := strings.TrimPrefix(strings.ToLower(typ), "application/")
	return typ == "" || short == "jwt" || short == "oauth-authz-req+jwt"
}

// unsigned reports whether a JWT's header names the algorithm none.
func unsigned(text string) bool {
	_, err := proof.Read(text, []string{"none"})
	return err == nil || strings.HasPrefix(text, "eyJhbGciOiJub25lI")
}

type objectClaims struct {
	Issuer   string   `json:"iss"`
	Audience audience `json:"aud"`
	ClientID string   `json:"client_id"`
	proof.Times
}

// audience is an aud claim: a string or a list of them (RFC 7519 section 4.1.3).
type audience []string

// UnmarshalJSON reads either form.
func (a *audience) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

func (s *Server) checkObject(c authz.Client, claims objectClaims) error {
	expires, err := claims.Check(s.clock.Now(), maxObjectLife)
	switch {
	case err != nil:
		return err
	case c.Metadata.FAPI2() && (expires.IsZero() || claims.NotBefore == nil):
		return errors.New("exp and nbf are required")
	case claims.Issuer != string(c.ID) && (claims.Issuer != "" || c.Metadata.FAPI2()):
		return errors.New("another's iss")
	case claims.ClientID != string(c.ID):
		return errors.New("another's client_id")
	case !slices.Contains(claims.Audience, s.settings.URL):
		return errors.New("the audience is not this issuer")
	}
	return nil
}

// objectParameters turns claims into parameters: texts as they are, numbers and
// truth values as their JSON, resource as often as it is listed, objects as
// their JSON (RFC 9101 section 4).
func objectParameters(members map[string]json.RawMessage) (url.Values, error) {
	parameters := url.Values{}
	for name, raw := range members {
		switch name {
		case "iss", "aud", "exp", "nbf", "iat", "jti", "sub":
			continue
		case "request", "request_uri":
			return nil, errRequestObject.Because(errors.New("one in another"))
		}
		var text string
		if json.Unmarshal(raw, &text) == nil {
			parameters.Set(name, text)
			continue
		}
		var list audience
		if name == "resource" && json.Unmarshal(raw, &list) == nil {
			parameters[name] = list
			continue
		}
		parameters.Set(name, string(raw))
	}
	return parameters, nil
}

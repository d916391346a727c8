package oauth

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Bounds of the claims parameter: its length in bytes, and the members looked
// at in each of its parts.
const (
	maxClaims       = 4 << 10
	maxClaimMembers = 64
)

// claimsRequest is the claims parameter (OpenID Connect Core section 5.5) as
// far as it asks for claims we know and the client may have.
type claimsRequest struct {
	Userinfo map[string]*claimWish `json:"userinfo,omitempty"`
	IDToken  map[string]*claimWish `json:"id_token,omitempty"`
}

// claimWish is how a claim is asked for; nil asks for it in the default way.
type claimWish struct {
	Essential bool  `json:"essential,omitempty"`
	Value     any   `json:"value,omitempty"`
	Values    []any `json:"values,omitempty"`
}

// texts are the strings among the values asked for.
func (w *claimWish) texts() []string {
	if w == nil {
		return nil
	}
	var texts []string
	for _, v := range append([]any{w.Value}, w.Values...) {
		if text, ok := v.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

var errClaims = fault(authz.Invalid, "invalid_request", "claims must be a JSON object of at most 4096 bytes, as OpenID Connect Core section 5.5 has it.")

// checkClaims reads the claims parameter. What we do not know, and what a
// scope covers that the client may not ask for, is ignored.
func checkClaims(ctx context.Context, s *Server, req *AuthorizationRequest) error {
	text := req.Parameters.Get("claims")
	if text == "" {
		return nil
	}
	var parts map[string]json.RawMessage
	if len(text) > maxClaims || json.Unmarshal([]byte(text), &parts) != nil || parts == nil {
		return errClaims
	}
	var asked claimsRequest
	var err error
	if asked.Userinfo, err = readWishes(parts["userinfo"]); err != nil {
		return err
	}
	if asked.IDToken, err = readWishes(parts["id_token"]); err != nil {
		return err
	}
	for _, wishes := range []map[string]*claimWish{asked.Userinfo, asked.IDToken} {
		if sub, ok := wishes["sub"]; ok {
			req.Subjects = append(req.Subjects, sub.texts()...)
		}
	}
	req.askForACR(asked.IDToken["acr"])
	known, err := s.Scopes(ctx)
	if err != nil {
		return err
	}
	req.claims = claimsRequest{Userinfo: permitted(known, req.Client, asked.Userinfo), IDToken: permitted(known, req.Client, asked.IDToken)}
	return nil
}

func readWishes(raw json.RawMessage) (map[string]*claimWish, error) {
	if raw == nil {
		return nil, nil //nolint:nilnil // nothing is asked for
	}
	var wishes map[string]*claimWish
	if err := json.Unmarshal(raw, &wishes); err != nil || len(wishes) > maxClaimMembers {
		return nil, errClaims
	}
	return wishes, nil
}

// askForACR takes over how the acr claim is asked for: essential values must
// be met, others are wishes like acr_values (OpenID Connect Core section
// 5.5.1.1).
func (r *AuthorizationRequest) askForACR(wish *claimWish) {
	values := wish.texts()
	if len(values) == 0 {
		return
	}
	r.ACRValues = values
	if wish.Essential {
		r.RequiredACR = values
	}
}

// permitted keeps the claims about the person that the client could have
// asked for by scope.
func permitted(known *authz.Scopes, c authz.Client, wishes map[string]*claimWish) map[string]*claimWish {
	given := func(scope string) bool {
		_, there := known.Find(authz.ClientScope, scope)
		return there
	}
	kept := map[string]*claimWish{}
	for name := range wishes {
		if scope := scopeOf(name); scope != "" && given(scope) && slices.Contains(c.Scopes, scope) {
			kept[name] = nil
		}
	}
	return kept
}

// ClaimsBeyond are the claims the request asks for by name that none of its
// scopes covers, sorted: what the person must be asked about beside scopes.
func (r *AuthorizationRequest) ClaimsBeyond() []string {
	var names []string
	for _, wishes := range []map[string]*claimWish{r.claims.Userinfo, r.claims.IDToken} {
		for name := range wishes {
			if !slices.Contains(r.Scopes, scopeOf(name)) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// ConsentedTo are the entries of a remembered consent that cover the scopes
// and the claims asked for beyond the request's.
func (r *AuthorizationRequest) ConsentedTo(scopes []string) []string {
	all := slices.Clone(scopes)
	for _, name := range r.ClaimsBeyond() {
		all = append(all, "claim:"+name)
	}
	return all
}

// grantedClaims is the request's claims parameter without what a scope covers
// that the person left out.
func (r *AuthorizationRequest) grantedClaims(approved []string) (json.RawMessage, error) {
	keep := func(wishes map[string]*claimWish) map[string]*claimWish {
		kept := map[string]*claimWish{}
		for name := range wishes {
			scope := scopeOf(name)
			if !slices.Contains(r.Scopes, scope) || slices.Contains(approved, scope) {
				kept[name] = nil
			}
		}
		return kept
	}
	granted := claimsRequest{Userinfo: keep(r.claims.Userinfo), IDToken: keep(r.claims.IDToken)}
	if len(granted.Userinfo) == 0 && len(granted.IDToken) == 0 {
		return nil, nil
	}
	return json.Marshal(granted)
}

// claimsOf reads what grantedClaims wrote.
func claimsOf(raw json.RawMessage) (claimsRequest, error) {
	var granted claimsRequest
	if len(raw) == 0 {
		return granted, nil
	}
	err := json.Unmarshal(raw, &granted)
	return granted, err
}

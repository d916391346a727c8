package web

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// POST /oauth2/par (RFC 9126)
func (s *site) postPushed(w http.ResponseWriter, r *http.Request) error {
	in, err := s.readForm(r)
	if err != nil {
		return err
	}
	n := noteOf(r)
	n.clientID = claimed(r, in.Form)
	s.offerNonce(w, in)
	resp, err := s.OAuth.Push(r.Context(), in)
	if err != nil {
		return s.unauthenticated(r, "pushed_request.refused", n.clientID, err)
	}
	w.Header()["Cache-Control"] = noStore
	writeJSON(w, http.StatusCreated, resp)
	return nil
}

// offerNonce gives whoever makes DPoP proofs the nonce for the next one (RFC
// 9449 section 8.2).
func (s *site) offerNonce(w http.ResponseWriter, in oauth.Request) {
	if len(in.DPoP) > 0 {
		w.Header().Set("DPoP-Nonce", s.OAuth.DPoPNonce())
	}
}

package oauth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// The subject types (OpenID Connect Core section 8).
const (
	SubjectPublic   = "public"
	SubjectPairwise = "pairwise"
)

// SubjectFor is the sub the client knows the person by: their id, or for a
// pairwise client a name that no client of another sector knows them by, and
// that leads nobody back to the id.
func (s *Server) SubjectFor(c authz.Client, id authz.UserID) string {
	kind := c.Metadata.SubjectType
	if kind == "" {
		kind = s.settings.subjectTypes()[0]
	}
	if kind != SubjectPairwise {
		return string(id)
	}
	mac := hmac.New(sha256.New, s.cfg.PairwiseKey)
	_, _ = mac.Write([]byte(s.settings.URL + "\x00" + sectorOf(c) + "\x00" + string(id)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// sectorOf is the client's sector identifier (OpenID Connect Core section
// 8.1); a client that proves none is a sector of its own.
func sectorOf(c authz.Client) string {
	if host, proven := c.Sector(); proven {
		return host
	}
	return string(c.ID)
}

// Names reports whether the person is the one the request is about, if it
// says: by its id_token_hint or by a claims parameter with a sub.
func (s *Server) Names(req *AuthorizationRequest, id authz.UserID) bool {
	sub := s.SubjectFor(req.Client, id)
	return !slices.ContainsFunc(req.Subjects, func(named string) bool { return named != sub })
}

// holder is the id of whom the grant is for, in audit entries and events and
// never told to a client: the person's, or the subject where there is none.
func holder(g authz.Grant) string { return g.Holder() }

// subjectTypes are the subject types in use, the default one first.
func (s Settings) subjectTypes() []string {
	if len(s.SubjectTypes) == 0 {
		return []string{SubjectPublic}
	}
	return s.SubjectTypes
}

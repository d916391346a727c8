package oauth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/proof"
)

var (
	errProof = fault(authz.Invalid, "invalid_dpop_proof",
		"The DPoP proof is missing, malformed, too old, used before, or made for another request, token or key.")
	errNonce = fault(authz.Invalid, "use_dpop_nonce", "Make a new DPoP proof with the nonce in the DPoP-Nonce header.")
)

// nonceLife is how long a DPoP nonce is good for at least; at most twice that.
const nonceLife = 5 * time.Minute

// DPoPNonce returns the nonce that DPoP proofs are to carry now (RFC 9449
// section 8). Every node makes the same one, and none has to remember it.
func (s *Server) DPoPNonce() string { return s.nonceOf(s.nonceWindow()) }

func (s *Server) nonceWindow() int64 { return s.clock.Now().Unix() / int64(nonceLife/time.Second) }

func (s *Server) nonceOf(window int64) string {
	m := hmac.New(sha256.New, s.cfg.NonceKey)
	_, _ = m.Write([]byte(s.settings.Name))
	_ = binary.Write(m, binary.BigEndian, window)
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:18])
}

// ourNonce reports whether a nonce is ours and not too old; one of another
// node, whose clock is a little ahead, is.
func (s *Server) ourNonce(nonce string) bool {
	ours := 0
	for window := s.nonceWindow() - 1; window <= s.nonceWindow()+1; window++ {
		ours |= subtle.ConstantTimeCompare([]byte(nonce), []byte(s.nonceOf(window)))
	}
	return ours == 1
}

// proofKey returns the thumbprint of the key that the request proves to hold by
// DPoP; empty when it brings no proof. The token is the access token presented
// with it, or empty.
func (s *Server) proofKey(ctx context.Context, in Request, token authz.Secret) (string, error) {
	if len(in.DPoP) == 0 {
		return "", nil
	}
	if len(in.DPoP) > 1 {
		return "", errProof
	}
	p, err := proof.ReadDPoP(in.DPoP[0], proof.Expected{
		Method: in.Method, URLs: s.addresses(in.Path), AccessToken: token.Reveal(), Now: s.clock.Now(),
	})
	if err != nil {
		return "", errProof.Because(err)
	}
	if (p.Nonce != "" || s.settings.RequireNonce) && !s.ourNonce(p.Nonce) {
		return "", errNonce
	}
	err = s.useOnce(ctx, p.Until, "dpop", p.JKT, p.JTI)
	if errors.Is(err, authz.ErrConsumed) {
		return "", errProof.Because(err)
	}
	return p.JKT, err
}

// addresses are those under which a path of this issuer is served.
func (s *Server) addresses(path string) []string {
	bases := []string{s.settings.URL, s.settings.api(), s.settings.MTLSURL}
	bases = slices.DeleteFunc(slices.Compact(bases), func(base string) bool { return base == "" })
	for i := range bases {
		bases[i] += path
	}
	return bases
}

// confirm works out which key the tokens of a request are bound to, and refuses
// a request that proves none although its client must (RFC 9449 section 5.2,
// RFC 8705 section 3.4).
func (s *Server) confirm(ctx context.Context, in Request, c authz.Client) (authz.Confirmation, error) {
	jkt, err := s.proofKey(ctx, in, "")
	if err != nil {
		return authz.Confirmation{}, err
	}
	switch {
	case jkt != "":
		return authz.Confirmation{JKT: jkt}, nil
	case c.Metadata.CertificateBound && len(in.Certificates) > 0:
		return authz.Confirmation{X5T: thumbprint(in.Certificates[0])}, nil
	case c.Metadata.CertificateBound:
		return authz.Confirmation{}, fault(authz.Invalid, "invalid_request", "This client's tokens are bound to its certificate: present it.")
	case c.Metadata.DPoPBound:
		return authz.Confirmation{}, errProof
	}
	return authz.Confirmation{}, nil
}

// Possesses checks that whoever presents an access token holds the key it is
// bound to (RFC 9449 section 7.1, RFC 8705 section 3). The scheme is that of
// the Authorization header.
func (s *Server) Possesses(ctx context.Context, in Request, scheme string, token authz.Secret, bound authz.Confirmation) error {
	dpop := strings.EqualFold(scheme, "DPoP")
	switch {
	case bound.X5T != "" && (len(in.Certificates) == 0 || thumbprint(in.Certificates[0]) != bound.X5T):
		return errInactive.Because(errors.New("the token is bound to another certificate"))
	case bound.JKT == "" && dpop, bound.JKT != "" && !dpop:
		return errInactive.Because(errors.New("the token is of another type"))
	case bound.JKT == "":
		return nil
	}
	jkt, err := s.proofKey(ctx, in, token)
	if err != nil {
		return bearerKind(err)
	}
	if jkt != bound.JKT {
		return bearerKind(errProof)
	}
	return nil
}

// bearerKind makes a refusal of a proof one that a protected resource tells: a
// 401 (RFC 9449 sections 7.1 and 9).
func bearerKind(err error) error {
	e, ok := errors.AsType[*authz.Error](err)
	if !ok || e.Kind != authz.Invalid {
		return err
	}
	refusal := *e
	refusal.Kind = authz.Unauthenticated
	return &refusal
}

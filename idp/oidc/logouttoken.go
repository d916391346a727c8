package oidc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
)

const (
	// logoutEvent is what a logout token tells (OpenID Connect Back-Channel
	// Logout section 2.4).
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	// maxLogoutAge is how old a logout token may be.
	maxLogoutAge = 5 * time.Minute
	maxTokenID   = 255
)

var _ idp.RelyingParty = (*Connector)(nil)

// LogoutToken accepts a logout token that is right in every respect but whether
// it came before (OpenID Connect Back-Channel Logout section 2.6). Every failure
// is an *idp.Error.
func (c *Connector) LogoutToken(ctx context.Context, raw string) (idp.LogoutToken, error) {
	ctx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	c, _, err := c.believing(ctx, raw, nil)
	if err != nil {
		return idp.LogoutToken{}, fmt.Errorf("accepting a logout token: %w", err)
	}
	payload, err := c.logoutPayload(ctx, raw)
	if err != nil {
		return idp.LogoutToken{}, fmt.Errorf("accepting a logout token at %s: %w", c.config.ID, err)
	}
	token, err := c.logoutToken(payload)
	if err != nil {
		return idp.LogoutToken{}, fmt.Errorf("accepting a logout token at %s: %w", c.config.ID, err)
	}
	return token, nil
}

// logoutPayload is what one of the upstream's keys signed. What cannot be right
// is refused before anybody is asked about it; and for all that strangers send,
// keys are fetched as seldom as KeySet says.
func (c *Connector) logoutPayload(ctx context.Context, raw string) ([]byte, error) {
	jws, err := parseJWS(raw, c.config.Algorithms)
	if err != nil {
		return nil, err
	}
	if err := checkType(jws, typeLogout); err != nil {
		return nil, err
	}
	m, err := c.metadata.get(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(m.algorithms, jws.Signatures[0].Protected.Algorithm) {
		return nil, idp.Refuse(idp.ReasonAlg, errors.New("the algorithm is not one the upstream advertises"))
	}
	return m.keys.VerifySignature(ctx, raw)
}

// logoutToken holds the claims against this connection.
func (c *Connector) logoutToken(payload []byte) (idp.LogoutToken, error) {
	claims, err := parseClaims(payload)
	if err != nil {
		return idp.LogoutToken{}, idp.Refuse(idp.ReasonLogoutToken, fmt.Errorf("claims: %w", err))
	}
	now := c.config.Now()
	for _, check := range []func() error{
		func() error { return checkLogoutParties(claims, c.config) },
		func() error { return checkLogoutTimes(claims, now, c.config.Skew) },
		func() error { return checkLogoutClaims(claims) },
	} {
		if err := check(); err != nil {
			return idp.LogoutToken{}, err
		}
	}
	issued, _ := claims.time("iat")
	return idp.LogoutToken{
		// Older ones are refused for their age.
		ID: claims.text("jti"), Until: issued.Add(maxLogoutAge + c.config.Skew), Subject: claims.text("sub"), SessionID: claims.text("sid"),
	}, nil
}

func checkLogoutParties(claims claims, config Config) error {
	if claims.text("iss") != config.Issuer {
		return idp.Refuse(idp.ReasonIssuerMismatch, errors.New("iss is another issuer's"))
	}
	if audience, ok := claims.texts("aud"); !ok || !slices.Contains(audience, config.ClientID) {
		return idp.Refuse(idp.ReasonAudience, errors.New("aud does not name us"))
	}
	if claims.has("azp") && claims.text("azp") != config.ClientID {
		return idp.Refuse(idp.ReasonAZP, errors.New("azp is not us"))
	}
	return nil
}

func checkLogoutTimes(claims claims, now time.Time, skew time.Duration) error {
	if exp, ok := claims.time("exp"); !ok || !now.Before(exp.Add(skew)) {
		return idp.Refuse(idp.ReasonExpired, errors.New("exp absent or past"))
	}
	iat, ok := claims.time("iat")
	if age := now.Sub(iat); !ok || age > maxLogoutAge || age < -skew {
		return idp.Refuse(idp.ReasonIssuedAt, errors.New("iat absent, ahead or more than five minutes old"))
	}
	return nil
}

// checkLogoutClaims tells a logout token from other kinds of token (section
// 2.6, steps 4 to 7).
func checkLogoutClaims(claims claims) error {
	if _, there := claims["nonce"]; there {
		return idp.Refuse(idp.ReasonLogoutToken, errors.New("a nonce, as ID tokens have"))
	}
	if claims.object("events").object(logoutEvent) == nil {
		return idp.Refuse(idp.ReasonLogoutToken, errors.New("no event of a logout"))
	}
	if jti := claims.text("jti"); jti == "" || len(jti) > maxTokenID {
		return idp.Refuse(idp.ReasonLogoutToken, errors.New("jti absent or too long"))
	}
	sub, sid := claims.text("sub"), claims.text("sid")
	if claims.has("sub") && (sub == "" || len(sub) > maxSubject) || claims.has("sid") && (sid == "" || len(sid) > maxSessionID) {
		return idp.Refuse(idp.ReasonLogoutToken, errors.New("sub or sid is no text of 1 to 255 bytes"))
	}
	if sub == "" && sid == "" {
		return idp.Refuse(idp.ReasonLogoutToken, errors.New("neither sub nor sid"))
	}
	return nil
}

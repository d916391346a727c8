package oauth

import (
	"context"
	"encoding/json"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// unit is the unit of work of one request: what was read, once, and what is
// to be written, together.
type unit struct {
	client *clientView
	// confirmation is the key the request proved to hold.
	confirmation authz.Confirmation

	// asked
	asked        []string // resources, nil for none
	askedDetails string   // authorization details, as they came

	// read
	code    *authz.AuthorizationCode
	refresh *authz.RefreshToken
	device  *authz.DeviceCode // redeemed by this request
	access  *authz.AccessToken
	grant   authz.Grant
	// storeErr is the first failure of the database; fosite would report it
	// as a token that does not exist.
	storeErr error
	// replay is the answer to a refresh token used a moment ago.
	replay *TokenResponse

	// settled
	audience []string        // of the access token
	details  json.RawMessage // of the access token
	endsAt   time.Time       // the access token's life is not past it; zero for no such bound
	// decision, accessTTL and refreshEnd are what conditional access said: nil
	// and zero for nothing.
	decision   *authz.PolicyDecision
	accessTTL  time.Duration
	refreshEnd time.Time

	// to write
	newGrant     *authz.Grant
	newCode      *authz.AuthorizationCode
	consumeCode  bool
	revoke       bool // the family ends, or the one token of a standing grant
	newAccess    *authz.AccessToken
	newRefresh   *authz.RefreshToken // nil where the presented one stays
	refreshToken authz.Secret        // the presented refresh token
	rotates      bool                // it is consumed with what is written, or nothing is
}

type unitKey struct{}

func withUnit(ctx context.Context, u *unit) context.Context {
	return context.WithValue(ctx, unitKey{}, u)
}

func unitFrom(ctx context.Context) *unit {
	u, _ := ctx.Value(unitKey{}).(*unit)
	return u
}

// failed remembers a failure of the database.
func (u *unit) failed(err error) error {
	if u.storeErr == nil {
		u.storeErr = err
	}
	return err
}

// live reports whether a grant stands: itself, and every ancestor unmoved.
func live(g authz.Grant, lineage authz.Lineage) bool {
	return g.State == authz.Active && lineage.Usable() && lineage.Sum() == g.Lineage
}

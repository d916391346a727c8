package login

import (
	"context"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// withhold answers where conditional access refuses what was asked for: with a
// sign-in, where one could bring it about, or with a refusal.
func (f *Flow) withhold(w http.ResponseWriter, r *http.Request, p *pending, s authz.Session, d authz.AccessDecision) error {
	rule := d.Refusal.Rule
	switch {
	case rule == nil:
		return f.cfg.OAuth.Withhold(r.Context(), p.request, d, d.Refusal)
	case p.request.Prompts("none"):
		return f.cfg.OAuth.Withhold(r.Context(), p.request, d, errLoginRequired)
	}
	factor, err := f.wantsFactorBy(r.Context(), p, s, *rule)
	switch {
	case err != nil:
		return err
	case factor:
		return f.askFactor(w, r, p)
	case p.signedInHere(s) && p.asked.Covers(*rule):
		// This sign-in was asked to be what is demanded, and is not.
		return f.cfg.OAuth.Withhold(r.Context(), p.request, d, errContext)
	}
	p.demands = rule
	return f.signIn(w, r, p)
}

// toldClient is a refusal as an authorization response tells it: there is no
// challenge where nobody can answer one.
func toldClient(e *authz.Error) *authz.Error {
	if e.Rule != nil {
		return errContext
	}
	return e
}

// demanded is what conditional access asks of a sign-in by the connection: what
// was found out about the session there is, and what can be foreseen.
func (f *Flow) demanded(ctx context.Context, p *pending, c authz.Connection) (authz.AuthenticationRule, error) {
	foreseen, err := f.cfg.OAuth.Foresee(ctx, p.request, c)
	if err != nil {
		return authz.AuthenticationRule{}, err
	}
	if p.demands == nil {
		return foreseen, nil
	}
	return p.demands.And(foreseen), nil
}

// younger is the max_age of a request, or the one demanded where that is less.
func younger(requested *time.Duration, demanded time.Duration) *time.Duration {
	if demanded == 0 || requested != nil && *requested <= demanded {
		return requested
	}
	return &demanded
}

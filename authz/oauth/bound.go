package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// bound narrows an exchange to what is asked for, the subject has, and the
// client may: scopes, resources, details. Nothing is ever wider than any of
// the three (RFC 8693 section 5).
func (s *Server) bound(u *unit, sub *subject, form url.Values) error {
	if now := s.clock.Now(); !sub.endsAt.IsZero() {
		if sub.endsAt = sub.endsAt.Truncate(time.Second); !now.Before(sub.endsAt) {
			return refuse("expired")
		}
	}
	var err error
	if sub.grant.Scopes, err = boundScopes(u.client.names, form.Get("scope"), sub.grant.Scopes, u.client.scopes); err != nil {
		return err
	}
	asked := slices.Concat(form["resource"], form["audience"])
	if u.asked, err = s.targets(u.client.client, asked); err != nil {
		return err
	}
	u.grant = sub.grant
	if err := s.aim(u); err != nil {
		return err
	}
	sub.grant.Audience, sub.grant.Details = u.audience, u.details
	return nil
}

// boundScopes are those asked for, each of which the subject must have and the
// client be allowed; or all that both share. There are no refresh tokens.
func boundScopes(names authz.ScopeNames, asked string, held, allowed []string) ([]string, error) {
	may := func(scope string) bool {
		return scope != "offline_access" && slices.Contains(held, scope) && slices.Contains(allowed, names.Among(allowed, scope))
	}
	var scopes []string
	for _, scope := range strings.Split(asked, " ") {
		if scope == "" {
			continue
		}
		if scope = names.Among(held, scope); !may(scope) {
			return nil, errInvalidScope
		}
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	if len(scopes) > 0 {
		return scopes, nil
	}
	for _, scope := range held {
		if may(scope) {
			scopes = append(scopes, scope)
		}
	}
	if len(scopes) == 0 && len(held) > 0 {
		return nil, errInvalidScope
	}
	return scopes, nil
}

// party is somebody who acts: the act claim of RFC 8693 section 4.1, and the
// may_act claim of section 4.4.
type party struct {
	Subject  string          `json:"sub"`
	ClientID authz.ClientID  `json:"client_id,omitempty"`
	Issuer   string          `json:"iss,omitempty"`
	Act      json.RawMessage `json:"act,omitempty"`
}

// act writes the actor into the subject's grant: whoever acts now outermost,
// those before it inside. Each came with an exchange, and a chain of these is
// short: the store sees to it. The actor's token bounds the life of what is issued.
func (s *Server) act(ctx context.Context, u *unit, sub *subject, form url.Values) error {
	if !form.Has("actor_token") {
		return s.mayAct(sub, party{Subject: u.client.id, ClientID: authz.ClientID(u.client.id)})
	}
	held, err := s.liveToken(ctx, u, form.Get("actor_token"))
	if err != nil {
		return err
	}
	if !mayExchange(u.client.client, held.grant) {
		return refuse("actor_tenant")
	}
	actor := party{Subject: s.knownAs(u.client.client, held.grant), ClientID: held.grant.ClientID, Act: sub.grant.Actor}
	if err := s.mayAct(sub, actor); err != nil {
		return err
	}
	if sub.grant.Actor, err = json.Marshal(actor); err != nil {
		return fmt.Errorf("writing the act claim: %w", err)
	}
	if end := held.access.ExpiresAt; sub.until.IsZero() || end.Before(sub.until) {
		sub.until = end
	}
	sub.actor = holder(held.grant)
	return nil
}

// mayAct holds whoever acts to the party that the subject names, if it does.
func (s *Server) mayAct(sub *subject, actor party) error {
	named := sub.mayAct
	if named == nil {
		return nil
	}
	if named.Subject != actor.Subject || named.Issuer != "" && named.Issuer != s.settings.URL ||
		named.ClientID != "" && named.ClientID != actor.ClientID {
		return refuse("may_act")
	}
	return nil
}

package oauth

import (
	"context"
	"errors"
	"time"

	"github.com/ory/fosite"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// The errors of a poll (RFC 8628 section 3.5).
var (
	errPending       = fault(authz.Invalid, "authorization_pending", "The person has not decided yet; ask again after the interval.")
	errSlowDown      = fault(authz.Invalid, "slow_down", "The interval is 5 seconds longer from now on.")
	errDeviceDenied  = fault(authz.Invalid, "access_denied", "The person denied the request.")
	errDeviceExpired = fault(authz.Expired, "expired_token", "The device code has expired; start again.")
)

// pollSlack is what two polls may come closer to each other on their way.
const pollSlack = time.Second

// deviceHandler redeems device codes (RFC 8628 section 3.4): exactly once, and
// a code that returns ends the family it began.
type deviceHandler struct {
	server *Server
	texts  *tokenStrategy
}

// CanHandleTokenEndpointRequest is true for device codes only.
func (h *deviceHandler) CanHandleTokenEndpointRequest(_ context.Context, req fosite.AccessRequester) bool {
	return req.GetGrantTypes().ExactOne(authz.GrantDeviceCode)
}

// CanSkipClientAuth is always false.
func (h *deviceHandler) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// HandleTokenEndpointRequest finds the device code, of this client only, and
// the grant that a person made of it.
func (h *deviceHandler) HandleTokenEndpointRequest(ctx context.Context, req fosite.AccessRequester) error {
	u := unitFrom(ctx)
	if !u.client.GetGrantTypes().Has(authz.GrantDeviceCode) {
		return fosite.ErrUnauthorizedClient
	}
	if err := h.server.pollDevice(ctx, u, req.GetRequestForm().Get("device_code")); err != nil {
		return err
	}
	// What the client has lost since it asked is not given out.
	scopes, err := narrow(nil, u.grant.Scopes, u.client.scopes)
	if err != nil {
		return err
	}
	req.SetID(string(u.grant.ID))
	req.SetSession(&session{grant: u.grant})
	for _, scope := range scopes {
		req.GrantScope(scope)
	}
	for _, audience := range u.grant.Audience {
		req.GrantAudience(audience)
	}
	return nil
}

// PopulateTokenEndpointResponse makes the tokens. The device code is consumed
// when the unit of work is written.
func (h *deviceHandler) PopulateTokenEndpointResponse(ctx context.Context, req fosite.AccessRequester, resp fosite.AccessResponder) error {
	if !h.CanHandleTokenEndpointRequest(ctx, req) {
		return fosite.ErrUnknownRequest
	}
	units := h.server.units()
	if err := issueAccess(ctx, h.texts, units, req, resp); err != nil {
		return err
	}
	if !unitFrom(ctx).client.GetGrantTypes().Has(authz.GrantRefreshToken) {
		return nil
	}
	return issueRefresh(ctx, h.texts, units, req, resp)
}

// pollDevice puts an approved device code and its grant in the unit of work,
// or says why there is none.
func (s *Server) pollDevice(ctx context.Context, u *unit, text string) error {
	if opaqueSignature(devicePrefix, text) == "" {
		return errInvalidGrant
	}
	for range 3 {
		d, err := s.store.GetDeviceCode(ctx, s.settings.Name, u.client.client.ID, authz.Digest(text))
		if errors.Is(err, authz.ErrNotFound) {
			return errInvalidGrant
		}
		if err != nil {
			return u.failed(err)
		}
		err = s.deviceAnswer(ctx, u, d)
		if !errors.Is(err, authz.ErrStale) {
			return err
		}
	}
	return errSlowDown // its other polls came in between, every time
}

// deviceAnswer is nil for a device code that may be redeemed now; ErrStale
// when it moved since it was read.
func (s *Server) deviceAnswer(ctx context.Context, u *unit, d authz.DeviceCode) error {
	now := s.clock.Now()
	switch {
	case d.State == authz.Used:
		return s.deviceReplayed(ctx, u, d)
	case !now.Before(d.ExpiresAt):
		return errDeviceExpired
	case d.State == authz.Denied:
		return errDeviceDenied
	case d.State == authz.Active:
		return s.deviceWaits(ctx, u, d, now)
	}
	grant, lineage, err := s.store.GetGrantAcrossWorkspaces(ctx, s.settings.Name, d.GrantID)
	switch {
	case errors.Is(err, authz.ErrNotFound):
		return errInvalidGrant
	case err != nil:
		return u.failed(err)
	case !live(grant, lineage):
		return errInvalidGrant
	}
	u.device, u.grant = &d, grant
	return nil
}

// deviceWaits notes the poll. One that came too early makes the interval five
// seconds longer, for good (RFC 8628 section 3.5), up to the code's life.
func (s *Server) deviceWaits(ctx context.Context, u *unit, d authz.DeviceCode, now time.Time) error {
	answer, interval := errPending, d.Interval
	if now.Before(d.PollAfter.Add(-pollSlack)) {
		answer, interval = errSlowDown, min(d.Interval+devicePollPace, deviceLife)
	}
	err := s.store.PollDeviceCode(ctx, d, now.Add(interval), interval)
	if errors.Is(err, authz.ErrStale) {
		return authz.ErrStale
	}
	if err != nil {
		return u.failed(err)
	}
	return answer
}

// deviceReplayed ends the family of a device code that was redeemed before.
func (s *Server) deviceReplayed(ctx context.Context, u *unit, d authz.DeviceCode) error {
	grant, _, err := s.store.GetGrantAcrossWorkspaces(ctx, s.settings.Name, d.GrantID)
	if errors.Is(err, authz.ErrNotFound) {
		return errInvalidGrant
	}
	if err == nil {
		err = s.revokeReused(ctx, grant, "device_code_reused")
	}
	if err != nil {
		return u.failed(err)
	}
	return errInvalidGrant
}

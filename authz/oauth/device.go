package oauth

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// How long a device code waits for a person, and a device between two polls at
// first (RFC 8628 section 3.2).
const (
	deviceLife     = 10 * time.Minute
	devicePollPace = 5 * time.Second
)

// How many device codes may wait at once: of an issuer, of a client, and of a
// client from one address. Anybody can ask in a public client's name.
const (
	maxDevicesOfIssuer  = 10_000
	maxDevicesOfClient  = 1_000
	maxDevicesOfAddress = 100
)

// DeviceResponse is the answer of the device authorization endpoint (RFC 8628
// section 3.2).
type DeviceResponse struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int64  `json:"expires_in"` // seconds
	Interval                int64  `json:"interval"`   // seconds
}

// deviceParameters are what a device may ask for; nothing else of its request
// is kept, the client's credentials least of all.
var deviceParameters = []string{"scope", "resource", "audience", "authorization_details", "acr_values", "max_age"}

// deviceChecks are those of the authorization endpoint that apply to a request
// without a browser.
var deviceChecks = []check{checkScope, checkResource, checkDetails, checkMaxAge, checkHints}

// devices reports whether the device grant is offered at all.
func (s *Server) devices() bool { return len(s.cfg.UserCodeKeys) > 0 }

// DeviceAuthorization answers a request to the device authorization endpoint
// (RFC 8628 section 3.1).
func (s *Server) DeviceAuthorization(ctx context.Context, in Request) (*DeviceResponse, error) {
	if err := singleValued(in.Form); err != nil {
		return nil, err
	}
	client, err := s.AuthenticateClient(ctx, in)
	if err != nil {
		return nil, err
	}
	if s.cfg.Allow != nil {
		if err := s.cfg.Allow(string(client.ID)); err != nil {
			return nil, err
		}
	}
	if !s.devices() || !client.MayUse(authz.GrantDeviceCode) {
		return nil, errUnauthorizedClient
	}
	parameters := url.Values{}
	for _, name := range deviceParameters {
		if in.Form.Has(name) {
			parameters[name] = in.Form[name]
		}
	}
	if _, err := s.checkDevice(ctx, *client.Client, client.AccountID, parameters, s.clock.Now()); err != nil {
		return nil, err
	}
	return s.newDevice(ctx, client.ID, parameters)
}

// checkDevice makes an authorization request of a device's parameters.
func (s *Server) checkDevice(ctx context.Context, client authz.Client, account authz.AccountID, parameters url.Values, at time.Time) (*AuthorizationRequest, error) {
	if err := checkSize(parameters); err != nil {
		return nil, err
	}
	req := &AuthorizationRequest{Client: client, AccountID: account, Parameters: parameters, ArrivedAt: at}
	for _, c := range deviceChecks {
		if err := c(ctx, s, req); err != nil {
			return nil, err
		}
	}
	return req, nil
}

// newDevice draws codes until the user code is nobody else's, which the first
// all but always is.
func (s *Server) newDevice(ctx context.Context, client authz.ClientID, parameters url.Values) (*DeviceResponse, error) {
	var err error
	for range 5 {
		text, letters, now := authz.NewToken(devicePrefix).Reveal(), newUserCode(), s.clock.Now()
		err = s.createDevice(ctx, authz.DeviceCode{
			Digest: authz.Digest(text), Issuer: s.settings.Name, ClientID: client, Parameters: parameters.Encode(),
			UserDigest: userDigest(s.cfg.UserCodeKeys[0], s.settings.Name, letters), IP: authz.OriginFrom(ctx).IP,
			Interval: devicePollPace, PollAfter: now, State: authz.Active, CreatedAt: now, ExpiresAt: now.Add(deviceLife),
		})
		if err == nil {
			return s.deviceResponse(text, letters), nil
		}
		if !errors.Is(err, authz.ErrConflict) {
			break
		}
	}
	if authz.KindOf(err) == authz.RateLimited {
		return nil, err
	}
	return nil, unavailable(err)
}

// createDevice stores a device code unless too many wait already. Requests at
// the same moment may each see room for one more: the bound is exceeded by no
// more than there are requests at once.
func (s *Server) createDevice(ctx context.Context, d authz.DeviceCode) error {
	return s.store.InTx(ctx, func(ctx context.Context) error {
		waiting, err := s.store.CountPendingDevices(ctx, d.Issuer, d.ClientID, d.IP, d.CreatedAt)
		if err != nil {
			return err
		}
		if waiting.Issuer >= maxDevicesOfIssuer || waiting.Client >= maxDevicesOfClient || waiting.Address >= maxDevicesOfAddress {
			return manyDevices()
		}
		return s.store.CreateDeviceCode(ctx, d)
	})
}

func manyDevices() *authz.Error {
	e := fault(authz.RateLimited, "rate_limited", "Too many devices are waiting to be signed in; try again later.")
	e.RetryAfter = time.Minute
	return e
}

func (s *Server) deviceResponse(text, letters string) *DeviceResponse {
	page := s.settings.URL + "/device"
	return &DeviceResponse{
		DeviceCode: text, UserCode: ShowUserCode(letters), VerificationURI: page,
		VerificationURIComplete: page + "?" + url.Values{"user_code": {ShowUserCode(letters)}}.Encode(),
		ExpiresIn:               int64(deviceLife.Seconds()), Interval: int64(devicePollPace.Seconds()),
	}
}

// grantTypes are the values of grant_type in use at this issuer.
func (s *Server) grantTypes() []string {
	types := GrantTypes()
	if s.devices() {
		return types
	}
	return slices.DeleteFunc(types, func(t string) bool { return t == authz.GrantDeviceCode })
}

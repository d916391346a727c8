package oauth

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

var (
	errNoDevice   = fault(authz.NotFound, "unknown_user_code", "No device is waiting under this code. Check the spelling; codes end after a few minutes.")
	errDeviceOver = fault(authz.Expired, "request_expired", "The device's request took too long or was decided on already. Start again on the device.")
)

// FindDevice returns the request of the device that shows the user code. An
// unknown code, an expired one and one that was decided on are the same error.
func (s *Server) FindDevice(ctx context.Context, letters string) (*AuthorizationRequest, error) {
	for _, key := range s.cfg.UserCodeKeys {
		found, err := s.store.DeviceCodeByUserCode(ctx, s.settings.Name, userDigest(key, s.settings.Name, letters))
		if errors.Is(err, authz.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return s.deviceRequest(ctx, found, s.clock.Now(), errNoDevice)
	}
	return nil, errNoDevice
}

// ResumeDevice returns the request with the digest once more, for a person
// who began to decide on it at the given moment.
func (s *Server) ResumeDevice(ctx context.Context, client authz.ClientID, digest [32]byte, arrivedAt time.Time) (*AuthorizationRequest, error) {
	found, err := s.store.GetDeviceCode(ctx, s.settings.Name, client, digest)
	if errors.Is(err, authz.ErrNotFound) {
		return nil, errDeviceOver
	}
	if err != nil {
		return nil, err
	}
	return s.deviceRequest(ctx, found, arrivedAt, errDeviceOver)
}

// deviceRequest checks a device's request as if it had just arrived: its
// client may have changed since.
func (s *Server) deviceRequest(ctx context.Context, d authz.DeviceCode, arrivedAt time.Time, over error) (*AuthorizationRequest, error) {
	if d.State != authz.Active || !s.clock.Now().Before(d.ExpiresAt) {
		return nil, over
	}
	parameters, err := url.ParseQuery(d.Parameters)
	if err != nil {
		return nil, fault(authz.Internal, "server_error", "The stored request cannot be read.").Because(err)
	}
	named := &AuthorizationRequest{Parameters: url.Values{"client_id": {string(d.ClientID)}}}
	if err := checkClient(ctx, s, named); err != nil {
		return nil, err
	}
	if !named.Client.MayUse(authz.GrantDeviceCode) {
		return nil, over
	}
	req, err := s.checkDevice(ctx, named.Client, named.AccountID, parameters, arrivedAt)
	if err != nil {
		return nil, err
	}
	req.Device = &d
	return req, nil
}

// ApproveDevice lets the device have its tokens: one transaction holds the
// grant, the decision, the end of the stored request, and the audit entry.
func (s *Server) ApproveDevice(ctx context.Context, req *AuthorizationRequest, a Approval) error {
	if !req.Client.Platform() && req.Client.WorkspaceID != a.Session.WorkspaceID {
		return errDenied
	}
	a, err := s.permit(ctx, req, a)
	if err != nil {
		return err
	}
	grant, err := s.newGrant(ctx, req, a)
	if err != nil {
		return err
	}
	err = s.store.InTx(ctx, func(ctx context.Context) error {
		if err := s.store.ConsumeAuthorizationRequest(ctx, s.settings.Name, req.ID); err != nil {
			return err
		}
		if err := s.store.CreateGrant(ctx, grant); err != nil {
			return err
		}
		if err := s.decideDevice(ctx, req, authz.Approved, grant.ID); err != nil {
			return err
		}
		entry := s.entry(ctx, grant, "grant.created", authz.Success)
		entry.Actor, entry.Details["device_ip"] = grant.Subject, req.Device.IP
		return s.auditGrant(ctx, entry, grant, a)
	})
	if errors.Is(err, authz.ErrConsumed) {
		return errDeviceOver
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// DenyDevice tells the device that the person said no; authz.ErrConsumed when
// it was decided on before. It takes part in the context's transaction.
func (s *Server) DenyDevice(ctx context.Context, req *AuthorizationRequest) error {
	return s.decideDevice(ctx, req, authz.Denied, "")
}

func (s *Server) decideDevice(ctx context.Context, req *AuthorizationRequest, to authz.State, grant authz.GrantID) error {
	return s.store.DecideDeviceCode(ctx, s.settings.Name, req.Device.Digest, to, grant, s.clock.Now())
}

package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type deviceCodeRow struct {
	Digest     digest
	Issuer     authz.IssuerName
	ClientID   authz.ClientID
	UserDigest digest
	Parameters string
	IP         string
	IntervalS  int64
	PollAfter  time.Time
	GrantID    authz.GrantID
	State      authz.State
	CreatedAt  time.Time
	ExpiresAt  time.Time
}

// TableName is the row's table.
func (deviceCodeRow) TableName() string { return "device_codes" }

func (r deviceCodeRow) code() authz.DeviceCode {
	return authz.DeviceCode{
		Digest: r.Digest, Issuer: r.Issuer, ClientID: r.ClientID, UserDigest: r.UserDigest, Parameters: r.Parameters, IP: r.IP,
		Interval: time.Duration(r.IntervalS) * time.Second, PollAfter: r.PollAfter.UTC(), GrantID: r.GrantID, State: r.State,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
	}
}

// CreateDeviceCode stores a new device code; ErrConflict when its digest, or
// the user code while it waits, is taken.
func (s *Store) CreateDeviceCode(ctx context.Context, c authz.DeviceCode) error {
	err := s.writer(ctx).Create(&deviceCodeRow{
		Digest: c.Digest, Issuer: c.Issuer, ClientID: c.ClientID, UserDigest: c.UserDigest, Parameters: c.Parameters, IP: c.IP,
		IntervalS: int64(c.Interval / time.Second), PollAfter: utc(c.PollAfter), GrantID: c.GrantID, State: c.State,
		CreatedAt: utc(c.CreatedAt), ExpiresAt: utc(c.ExpiresAt),
	}).Error
	return failure(ctx, "creating a device code", err)
}

const pendingDevices = `SELECT count(*) AS issuer,
	(SELECT count(*) FROM device_codes WHERE state = 'active' AND issuer = ? AND client_id = ? AND expires_at > ?) AS client,
	(SELECT count(*) FROM device_codes WHERE state = 'active' AND issuer = ? AND client_id = ? AND ip = ? AND expires_at > ?) AS address
	FROM device_codes WHERE state = 'active' AND issuer = ? AND expires_at > ?`

// CountPendingDevices counts the device codes that wait for a person at now.
func (s *Store) CountPendingDevices(ctx context.Context, issuer authz.IssuerName, client authz.ClientID, ip string, now time.Time) (authz.PendingDevices, error) {
	var p authz.PendingDevices
	at := utc(now)
	err := s.writer(ctx).Raw(pendingDevices, issuer, client, at, issuer, client, ip, at, issuer, at).Scan(&p).Error
	return p, failure(ctx, "counting device codes", err)
}

// GetDeviceCode returns a client's device code in any state; ErrNotFound also
// for another client's.
func (s *Store) GetDeviceCode(ctx context.Context, issuer authz.IssuerName, client authz.ClientID, of [32]byte) (authz.DeviceCode, error) {
	var r deviceCodeRow
	err := s.reader(ctx).Where("digest = ? AND issuer = ? AND client_id = ?", digest(of), issuer, client).Take(&r).Error
	if err != nil {
		return authz.DeviceCode{}, failure(ctx, "reading a device code", err)
	}
	return r.code(), nil
}

// DeviceCodeByUserCode returns the device code that waits for a person under
// the user code with the digest, expired or not; or ErrNotFound.
func (s *Store) DeviceCodeByUserCode(ctx context.Context, issuer authz.IssuerName, userDigest [32]byte) (authz.DeviceCode, error) {
	var r deviceCodeRow
	err := s.reader(ctx).Where("user_digest = ? AND issuer = ? AND state = 'active'", digest(userDigest), issuer).Take(&r).Error
	if err != nil {
		return authz.DeviceCode{}, failure(ctx, "reading a user code", err)
	}
	return r.code(), nil
}

// PollDeviceCode notes a poll of a waiting device code: when the next one may
// come, and the interval from now on. ErrStale when it was polled, or decided
// on, since it was seen.
func (s *Store) PollDeviceCode(ctx context.Context, seen authz.DeviceCode, next time.Time, interval time.Duration) error {
	done := s.writer(ctx).Model(&deviceCodeRow{}).
		Where("digest = ? AND issuer = ? AND state = 'active' AND poll_after <= ?", digest(seen.Digest), seen.Issuer, utc(seen.PollAfter)).
		UpdateColumns(map[string]any{"poll_after": utc(next), "interval_s": int64(interval / time.Second)})
	return changed(ctx, "polling a device code", done, authz.ErrStale)
}

// DecideDeviceCode takes a waiting device code that has not expired by now to
// "approved", with its grant, or "denied". Of many who try, one succeeds;
// ErrConsumed is for the others.
func (s *Store) DecideDeviceCode(ctx context.Context, issuer authz.IssuerName, of [32]byte, to authz.State, grant authz.GrantID, now time.Time) error {
	if to != authz.Approved && to != authz.Denied {
		return fmt.Errorf("storage: a device code cannot be decided as %q", to)
	}
	done := s.writer(ctx).Model(&deviceCodeRow{}).
		Where("digest = ? AND issuer = ? AND state = 'active' AND expires_at > ?", digest(of), issuer, utc(now)).
		UpdateColumns(map[string]any{"state": to, "grant_id": grant, "user_digest": nil})
	return changed(ctx, "deciding on a device code", done, authz.ErrConsumed)
}

// ConsumeDeviceCode takes an approved device code to "used". Of many who try,
// one succeeds; ErrConsumed is for the others.
func (s *Store) ConsumeDeviceCode(ctx context.Context, issuer authz.IssuerName, of [32]byte) error {
	done := s.writer(ctx).Model(&deviceCodeRow{}).Where("digest = ? AND issuer = ? AND state = 'approved'", digest(of), issuer).
		UpdateColumns(map[string]any{"state": authz.Used})
	return changed(ctx, "consuming a device code", done, authz.ErrConsumed)
}

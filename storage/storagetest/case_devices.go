package storagetest

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func (e *env) device(change ...func(*authz.DeviceCode)) authz.DeviceCode {
	e.Helper()
	d := authz.DeviceCode{
		Digest: randomDigest(), Issuer: e.issuer, ClientID: "cl_1", UserDigest: randomDigest(), Parameters: "scope=openid", IP: "192.0.2.1",
		Interval: 5 * time.Second, PollAfter: e.now, State: authz.Active, CreatedAt: e.now, ExpiresAt: e.now.Add(10 * time.Minute),
	}
	for _, c := range change {
		c(&d)
	}
	e.must(e.CreateDeviceCode(e.ctx, d))
	return d
}

func testDeviceCodes(e *env) {
	want := e.device()
	taken := want
	taken.Digest = randomDigest()
	e.is(e.CreateDeviceCode(e.ctx, taken), authz.ErrConflict) // the user code is another's
	got, err := e.DeviceCodeByUserCode(e.ctx, e.issuer, want.UserDigest)
	e.must(err)
	e.same(got, want)
	_, err = e.DeviceCodeByUserCode(e.ctx, "elsewhere", want.UserDigest)
	e.is(err, authz.ErrNotFound)
	_, err = e.GetDeviceCode(e.ctx, e.issuer, "cl_2", want.Digest)
	e.is(err, authz.ErrNotFound)
	_, err = e.GetDeviceCode(e.ctx, "elsewhere", "cl_1", want.Digest)
	e.is(err, authz.ErrNotFound)

	e.must(e.PollDeviceCode(e.ctx, want, e.now.Add(10*time.Second), 10*time.Second))
	e.is(e.PollDeviceCode(e.ctx, want, e.now.Add(20*time.Second), 10*time.Second), authz.ErrStale)
	want.PollAfter, want.Interval = e.now.Add(10*time.Second), 10*time.Second
	got, err = e.GetDeviceCode(e.ctx, e.issuer, "cl_1", want.Digest)
	e.must(err)
	e.same(got, want)

	e.is(e.ConsumeDeviceCode(e.ctx, e.issuer, want.Digest), authz.ErrConsumed) // nobody approved it
	e.is(e.DecideDeviceCode(e.ctx, "elsewhere", want.Digest, authz.Approved, "gr_1", e.now), authz.ErrConsumed)
	e.is(e.DecideDeviceCode(e.ctx, e.issuer, want.Digest, authz.Approved, "gr_1", want.ExpiresAt), authz.ErrConsumed)
	e.must(e.DecideDeviceCode(e.ctx, e.issuer, want.Digest, authz.Approved, "gr_1", want.ExpiresAt.Add(-time.Second)))
	e.is(e.PollDeviceCode(e.ctx, want, e.now, 0), authz.ErrStale)
	_, err = e.DeviceCodeByUserCode(e.ctx, e.issuer, want.UserDigest)
	e.is(err, authz.ErrNotFound)
	e.device(func(d *authz.DeviceCode) { d.UserDigest = want.UserDigest }) // free again

	e.is(e.ConsumeDeviceCode(e.ctx, "elsewhere", want.Digest), authz.ErrConsumed)
	e.must(e.ConsumeDeviceCode(e.ctx, e.issuer, want.Digest))
	e.is(e.ConsumeDeviceCode(e.ctx, e.issuer, want.Digest), authz.ErrConsumed)
	want.UserDigest, want.GrantID, want.State = [32]byte{}, "gr_1", authz.Used
	got, err = e.GetDeviceCode(e.ctx, e.issuer, "cl_1", want.Digest)
	e.must(err)
	e.same(got, want)
}

func testPendingDevices(e *env) {
	for range 3 {
		e.device()
	}
	e.device(func(d *authz.DeviceCode) { d.IP = "192.0.2.2" })
	e.device(func(d *authz.DeviceCode) { d.ClientID = "cl_2" })
	denied := e.device()
	e.must(e.DecideDeviceCode(e.ctx, e.issuer, denied.Digest, authz.Denied, "", e.now))
	count := func(at time.Time, want authz.PendingDevices) {
		e.Helper()
		got, err := e.CountPendingDevices(e.ctx, e.issuer, "cl_1", "192.0.2.1", at)
		e.must(err)
		e.same(got, want)
	}
	count(e.now, authz.PendingDevices{Issuer: 5, Client: 4, Address: 3})
	count(denied.ExpiresAt, authz.PendingDevices{})
}

func testDeviceExpiry(e *env) {
	g := e.granted(e.personal(e.tenant()))
	waiting, used := e.device(), e.device()
	e.must(e.DecideDeviceCode(e.ctx, e.issuer, used.Digest, authz.Approved, g.ID, e.now))
	e.must(e.ConsumeDeviceCode(e.ctx, e.issuer, used.Digest))
	find := func(d authz.DeviceCode) error {
		_, err := e.GetDeviceCode(e.ctx, e.issuer, d.ClientID, d.Digest)
		return err
	}
	clean := func(at time.Time) {
		e.Helper()
		_, err := e.DeleteExpiredAcrossWorkspaces(e.ctx, at, 1000)
		e.must(err)
	}
	clean(waiting.ExpiresAt.Add(-time.Second))
	e.must(find(waiting))
	clean(waiting.ExpiresAt)
	e.is(find(waiting), authz.ErrNotFound)
	e.must(find(used)) // a replay is recognised for as long as the grant stands
	clean(g.ExpiresAt.Add(24 * time.Hour))
	e.is(find(used), authz.ErrNotFound)
}

func testDeviceRace(e *env) {
	g := e.granted(e.personal(e.tenant()))
	for range rounds() {
		d := e.device()
		e.must(e.DecideDeviceCode(e.ctx, e.issuer, d.Digest, authz.Approved, g.ID, e.now))
		e.oneWins(racers, authz.ErrConsumed, func() error {
			i := e.issuance(g, authz.AuthorizationCode{})
			i.Code, i.Device = nil, &d.Digest
			return e.Issue(e.ctx, i)
		})
	}
}

// testDecisionRace has one browser approve while another denies, each with
// what goes with it in one transaction.
func testDecisionRace(e *env) {
	x := e.tenant()
	for range rounds() {
		d := e.device()
		grants := make(chan authz.Grant, racers)
		for n := range racers {
			g := e.personal(x)
			if n%2 == 1 {
				g.ID = "" // says no
			}
			grants <- g
		}
		e.oneWins(racers, authz.ErrConsumed, func() error {
			g := <-grants
			return e.InTx(e.ctx, func(ctx context.Context) error {
				if g.ID == "" {
					return e.DecideDeviceCode(ctx, e.issuer, d.Digest, authz.Denied, "", e.now)
				}
				if err := e.CreateGrant(ctx, g); err != nil {
					return err
				}
				return e.DecideDeviceCode(ctx, e.issuer, d.Digest, authz.Approved, g.ID, e.now)
			})
		})
		got, err := e.GetDeviceCode(e.ctx, e.issuer, d.ClientID, d.Digest)
		e.must(err)
		if (got.State == authz.Approved) != (got.GrantID != "") {
			e.Fatalf("%s with grant %q", got.State, got.GrantID)
		}
	}
}

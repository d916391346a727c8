package oauth_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

const deviceLife = 10 * time.Minute

// deviceHouse offers the device grant and has a public client for it.
func deviceHouse(t testing.TB) (*house, authz.Client) {
	t.Helper()
	h := newHouse(t)
	h.config.UserCodeKeys = h.ring.DeriveAll("user code")
	h.server = made(oauth.New(h.config))(t)
	return h, h.client(func(c *authz.Client) {
		c.Name, c.AuthMethod, c.RedirectURIs = "TV", authz.AuthNone, nil
		c.GrantTypes = []string{authz.GrantDeviceCode, authz.GrantRefreshToken}
	})
}

func (h *house) device(c authz.Client, more ...string) *oauth.DeviceResponse {
	h.Helper()
	return made(h.server.DeviceAuthorization(h.Context(), h.from(c, append([]string{"scope", "openid profile"}, more...)...)))(h)
}

func (h *house) poll(c authz.Client, code string) (*oauth.TokenResponse, error) {
	return h.server.Token(h.Context(), h.from(c, "grant_type", authz.GrantDeviceCode, "device_code", code))
}

// atDevice is the request a person decides on, as a stored one.
func (h *house) atDevice(d *oauth.DeviceResponse) *oauth.AuthorizationRequest {
	h.Helper()
	letters, ok := oauth.ParseUserCode(d.UserCode)
	if !ok {
		h.Fatalf("user code %q", d.UserCode)
	}
	req := made(h.server.FindDevice(h.Context(), letters))(h)
	row := authz.AuthorizationRequest{
		ID: authz.NewID("ar"), Issuer: issuer, ClientID: req.Client.ID, Device: req.Device.Digest, BrowserDigest: authz.Digest("browser"), ArrivedAt: h.clock.Now(),
		ExpiresAt: h.clock.Now().Add(time.Hour), State: authz.Active,
	}
	h.ok(h.store.CreateAuthorizationRequest(h.Context(), row))
	req.ID = row.ID
	return req
}

func (h *house) approveDevice(d *oauth.DeviceResponse) {
	h.Helper()
	req := h.atDevice(d)
	h.ok(h.server.ApproveDevice(h.Context(), req, oauth.Approval{Session: h.session, AccountID: h.account.ID, Scopes: req.Scopes}))
}

func TestADeviceGetsTokensOncePersonApproved(t *testing.T) {
	h, tv := deviceHouse(t)
	d := h.device(tv)
	if d.ExpiresIn != 600 || d.Interval != 5 || d.VerificationURI != issuerURL+"/device" ||
		d.VerificationURIComplete != issuerURL+"/device?user_code="+d.UserCode {
		t.Errorf("answer %+v", d)
	}
	if len(d.UserCode) != 9 || d.UserCode[4] != '-' || strings.Trim(d.UserCode, "BCDFGHJKLMNPQRSTVWXZ-") != "" {
		t.Errorf("user code %q", d.UserCode)
	}
	_, err := h.poll(tv, d.DeviceCode)
	h.wants("nobody decided", err, "authorization_pending")
	if n := len(h.entries("token.refused")); n != 0 {
		t.Errorf("waiting left %d audit entries", n)
	}
	h.approveDevice(d)
	tokens := made(h.poll(tv, d.DeviceCode))(t)
	if tokens.Scope != "openid profile" || tokens.IDToken == "" || tokens.RefreshToken == "" {
		t.Errorf("tokens %+v", tokens)
	}
	in, _ := h.lookup(tokens.AccessToken)
	if in.Sub != string(h.user.ID) || in.ClientID != string(tv.ID) || in.WorkspaceID != h.workspace.ID || in.SID != h.session.ID {
		t.Errorf("introspection %+v", in)
	}
	granted := h.entries("grant.created")
	if len(granted) != 1 || granted[0].Actor != string(h.user.ID) || granted[0].Details["grant_type"] != authz.GrantDeviceCode {
		t.Errorf("audit %+v", granted)
	}
	made(h.refresh(tv, tokens.RefreshToken))(t)
	h.ok(func() error {
		_, err := h.store.KillNode(h.Context(), issuer, h.workspace.ID, authz.NodeRef{Kind: authz.SessionNode, ID: string(h.session.ID)}, authz.Revoked)
		return err
	}())
	h.dead("a token below a session that ended", tokens.AccessToken)
}

func TestDV_03_AReplayedDeviceCodeEndsTheFamily(t *testing.T) {
	h, tv := deviceHouse(t)
	d := h.device(tv)
	h.approveDevice(d)
	tokens := made(h.poll(tv, d.DeviceCode))(t)
	h.pass(20 * time.Minute) // long after the code itself would have expired
	_, err := h.store.DeleteExpiredAcrossWorkspaces(h.Context(), h.clock.Now(), 1000)
	h.ok(err)
	h.alive("before the replay", tokens.AccessToken, tokens.RefreshToken)
	_, err = h.poll(tv, d.DeviceCode)
	h.wants("replay", err, "invalid_grant")
	h.dead("after the replay", tokens.AccessToken, tokens.RefreshToken)
	if e := h.entries("grant.revoked"); len(e) != 1 || e[0].Reason != "device_code_reused" {
		t.Errorf("audit %+v", e)
	}
	if !holds(h.events("grant.revoked"), "device_code_reused") {
		t.Error("no event")
	}
}

func TestDV_04_PollingTooFastSlowsTheDeviceDown(t *testing.T) {
	h, tv := deviceHouse(t)
	d := h.device(tv)
	for n, step := range []struct {
		after time.Duration
		code  string
	}{
		{0, "authorization_pending"}, {3 * time.Second, "slow_down"}, // 10 s from now on
		{8 * time.Second, "slow_down"},              // 15 s
		{15 * time.Second, "authorization_pending"}, // the interval is kept to
		{14 * time.Second, "authorization_pending"}, // within what the network does to it
		{5 * time.Second, "slow_down"},              // it never shrinks
	} {
		h.clock.advance(step.after)
		// Another server on the same database knows the interval too.
		h.server = h.serverWith(func(*oauth.Config) {})
		_, err := h.poll(tv, d.DeviceCode)
		h.wants("step "+string(rune('0'+n)), err, step.code)
	}
	h.approveDevice(d)
	made(h.poll(tv, d.DeviceCode))(t) // what is decided is told at once
}

func TestDV_05_OneOfManyPollsGetsTheTokens(t *testing.T) {
	h, tv := deviceHouse(t)
	for range 5 {
		d := h.device(tv)
		h.approveDevice(d)
		var won atomic.Int64
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				_, err := h.poll(tv, d.DeviceCode)
				if err == nil {
					won.Add(1)
					return
				}
				h.wants("lost", err, "invalid_grant")
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d of 16 won", won.Load())
		}
	}
}

func TestDV_06_DevicesThatWaitAreBounded(t *testing.T) {
	h, tv := deviceHouse(t)
	now := h.clock.Now()
	from := func(ip string) context.Context { return authz.WithOrigin(h.Context(), authz.Origin{IP: ip}) }
	ask := func(ip string, c authz.Client) error {
		_, err := h.server.DeviceAuthorization(from(ip), h.from(c, "scope", "openid"))
		return err
	}
	fill := func(n int, c authz.ClientID, ip string) {
		h.ok(h.store.InTx(h.Context(), func(ctx context.Context) error {
			for range n {
				err := h.store.CreateDeviceCode(ctx, authz.DeviceCode{
					Digest: authz.Digest(authz.NewID("")), UserDigest: authz.Digest(authz.NewID("")), Issuer: issuer, ClientID: c, IP: ip,
					PollAfter: now, State: authz.Active, CreatedAt: now, ExpiresAt: now.Add(deviceLife),
				})
				if err != nil {
					return err
				}
			}
			return nil
		}))
	}
	refused := func(what, ip string, c authz.Client) {
		t.Helper()
		e, ok := errors.AsType[*authz.Error](ask(ip, c))
		if !ok || e.Kind != authz.RateLimited || e.RetryAfter <= 0 {
			t.Errorf("%s: %v", what, e)
		}
	}
	fill(99, tv.ID, "192.0.2.1")
	h.ok(ask("192.0.2.1", tv))
	refused("one address", "192.0.2.1", tv)
	h.ok(ask("192.0.2.2", tv))
	fill(899, tv.ID, "192.0.2.3")
	refused("one client", "192.0.2.2", tv)
	other := h.client(func(c *authz.Client) { c.GrantTypes = []string{authz.GrantDeviceCode} })
	h.ok(ask("192.0.2.2", other))
	fill(8999, "cl_crowd", "192.0.2.4")
	refused("the issuer", "192.0.2.2", other)
	h.clock.advance(deviceLife)
	h.ok(ask("192.0.2.1", tv))
}

func TestDV_07_ADeviceCodeIsItsClientsOnly(t *testing.T) {
	h, tv := deviceHouse(t)
	thief := h.client(func(c *authz.Client) {
		c.AuthMethod, c.GrantTypes = authz.AuthNone, []string{authz.GrantDeviceCode}
	})
	d := h.device(tv)
	h.approveDevice(d)
	_, err := h.poll(thief, d.DeviceCode)
	h.wants("another client's", err, "invalid_grant")
	tokens := made(h.poll(tv, d.DeviceCode))(t)
	_, err = h.poll(thief, d.DeviceCode)
	h.wants("another client's, used", err, "invalid_grant")
	h.alive("what another client replayed", tokens.AccessToken)
}

func TestDV_08_APersonOfAnotherWorkspaceApprovesNothing(t *testing.T) {
	h, tv := deviceHouse(t)
	d := h.device(tv)
	elsewhere := h.workspace
	elsewhere.ID = authz.NewWorkspaceID()
	h.ok(h.store.CreateWorkspace(h.Context(), elsewhere))
	h.ok(h.store.AddMember(h.Context(), authz.Member{Issuer: issuer, WorkspaceID: elsewhere.ID, UserID: h.user.ID, Role: "member", CreatedAt: h.clock.Now()}))
	stranger := h.session
	stranger.ID, stranger.WorkspaceID, stranger.Digest = authz.NewSessionID(h.clock.Now()), elsewhere.ID, authz.Digest("another cookie")
	h.ok(h.store.CreateSession(h.Context(), stranger))
	req := h.atDevice(d)
	err := h.server.ApproveDevice(h.Context(), req, oauth.Approval{Session: stranger, AccountID: h.account.ID, Scopes: req.Scopes})
	h.wants("approval", err, "access_denied")
	_, err = h.poll(tv, d.DeviceCode)
	h.wants("poll", err, "authorization_pending")
}

func TestDV_09_WhatDiedBetweenApprovalAndPollGivesNoTokens(t *testing.T) {
	for _, kind := range []authz.NodeKind{authz.WorkspaceNode, authz.UserNode, authz.SessionNode, authz.ConnectionNode, authz.ClientNode} {
		t.Run(string(kind), func(t *testing.T) {
			h, _ := deviceHouse(t)
			// A platform client authenticates whatever became of the person's workspace.
			tv := h.client(func(c *authz.Client) {
				c.WorkspaceID, c.AuthMethod, c.GrantTypes = "", authz.AuthNone, []string{authz.GrantDeviceCode}
			})
			d := h.device(tv)
			h.approveDevice(d)
			ws := h.workspace.ID
			id, to, code := map[authz.NodeKind]string{
				authz.WorkspaceNode: string(ws), authz.UserNode: string(h.user.ID), authz.SessionNode: string(h.session.ID),
				authz.ConnectionNode: string(h.connection.ID), authz.ClientNode: string(tv.ID),
			}[kind], authz.Revoked, "invalid_grant"
			switch kind {
			case authz.WorkspaceNode:
				to = authz.Suspended
			case authz.UserNode:
				ws, to = "", authz.Disabled
			case authz.ConnectionNode:
				to = authz.Disabled
			case authz.ClientNode:
				ws, to, code = "", authz.Disabled, "invalid_client"
			}
			if moved, err := h.store.KillNode(h.Context(), issuer, ws, authz.NodeRef{Kind: kind, ID: id}, to); err != nil || !moved {
				t.Fatal(moved, err)
			}
			_, err := h.poll(tv, d.DeviceCode)
			h.wants(string(kind), err, code)
		})
	}
}

func TestDV_10_ADeniedDeviceIsToldSo(t *testing.T) {
	h, tv := deviceHouse(t)
	d := h.device(tv)
	req := h.atDevice(d)
	h.ok(h.server.DenyDevice(h.Context(), req))
	_, err := h.poll(tv, d.DeviceCode)
	h.wants("denied", err, "access_denied")
	if authz.KindOf(err) != authz.Invalid {
		t.Error("RFC 6749 section 5.2: 400")
	}
	err = h.server.ApproveDevice(h.Context(), req, oauth.Approval{Session: h.session, AccountID: h.account.ID, Scopes: req.Scopes})
	h.wants("approved after all", err, "request_expired")
	if len(h.entries("grant.created")) != 0 {
		t.Error("a grant was made")
	}
}

func TestDV_11_ADeviceCodeEndsToTheSecond(t *testing.T) {
	h, tv := deviceHouse(t)
	early, late := h.device(tv), h.device(tv)
	open := h.atDevice(late)
	h.clock.advance(deviceLife - time.Second)
	h.approveDevice(early)
	made(h.poll(tv, early.DeviceCode))(t)
	_, err := h.poll(tv, late.DeviceCode)
	h.wants("a second before", err, "authorization_pending")
	h.clock.advance(time.Second)
	_, err = h.poll(tv, late.DeviceCode)
	h.wants("at its end", err, "expired_token")
	letters, _ := oauth.ParseUserCode(late.UserCode)
	_, err = h.server.FindDevice(h.Context(), letters)
	h.wants("the user code", err, "unknown_user_code")
	err = h.server.ApproveDevice(h.Context(), open, oauth.Approval{Session: h.session, AccountID: h.account.ID, Scopes: open.Scopes})
	h.wants("an approval under way", err, "request_expired")

	approved := h.device(tv)
	h.approveDevice(approved)
	h.clock.advance(deviceLife)
	_, err = h.poll(tv, approved.DeviceCode)
	h.wants("approved, and never fetched", err, "expired_token")
}

func TestDV_12_NothingElseIsADeviceCode(t *testing.T) {
	h, tv := deviceHouse(t)
	d := h.device(tv)
	h.approveDevice(d)
	for _, text := range []string{
		d.UserCode, d.DeviceCode[:len(d.DeviceCode)-1], d.DeviceCode + "A", "rt_" + d.DeviceCode[3:], strings.ToUpper(d.DeviceCode), h.code(h.spa),
	} {
		_, err := h.poll(tv, text)
		h.wants(text, err, "invalid_grant")
	}
	_, err := h.poll(tv, "")
	h.wants("nothing", err, "invalid_request")
	_, err = h.redeem(h.web, d.DeviceCode)
	h.wants("a device code as code", err, "invalid_grant")
	made(h.poll(tv, d.DeviceCode))(t)
}

func TestDV_14_TheDeviceGrantIsOffUnlessTheClientHasIt(t *testing.T) {
	h, tv := deviceHouse(t)
	_, err := h.server.DeviceAuthorization(h.Context(), h.from(h.web, "scope", "openid"))
	h.wants("client without", err, "unauthorized_client")
	_, err = h.poll(h.web, h.device(tv).DeviceCode)
	h.wants("poll without", err, "unauthorized_client")
	for what, scope := range map[string]string{"none": "", "unknown": "everything", "not its own": "unassigned"} {
		_, err = h.server.DeviceAuthorization(h.Context(), h.from(tv, "scope", scope))
		h.wants("scope "+what, err, "invalid_scope")
	}
	in := h.from(tv, "scope", "openid")
	in.Form.Add("scope", "profile")
	_, err = h.server.DeviceAuthorization(h.Context(), in)
	h.wants("twice", err, "invalid_request")
	_, err = h.server.DeviceAuthorization(h.Context(), oauth.Request{Form: url.Values{"client_id": {string(h.web.ID)}, "scope": {"openid"}}})
	h.wants("a confidential client unproven", err, "invalid_client")

	on := string(made(h.server.Metadata(made(scopes(t.Context()))(t)))(t))
	if !strings.Contains(on, `"device_authorization_endpoint":"`+issuerURL+`/oauth2/device_authorization"`) || !strings.Contains(on, authz.GrantDeviceCode) {
		t.Errorf("metadata %s", on)
	}
	h.server = h.serverWith(func(c *oauth.Config) { c.UserCodeKeys = nil })
	if off := string(made(h.server.Metadata(made(scopes(t.Context()))(t)))(t)); strings.Contains(off, "device") {
		t.Errorf("metadata %s", off)
	}
	_, err = h.poll(tv, "dc_x")
	h.wants("off", err, "unsupported_grant_type")
}

func TestAUserCodeIsReadHoweverItIsTyped(t *testing.T) {
	for typed, want := range map[string]string{
		"BCDF-GHJK": "BCDFGHJK", "bcdf ghjk": "BCDFGHJK", " b c d f.g_h-j-k ": "BCDFGHJK",
		"BCDF-GHJ": "", "BCDF-GHJKL": "", "ACDF-GHJK": "", "BCDF-GHJ1": "", "": "", "ſCDFGHJK": "", "BCDFGHJ\x00": "", strings.Repeat("-", 99) + "BCDFGHJK": "",
	} {
		if got, ok := oauth.ParseUserCode(typed); got != want || ok != (want != "") {
			t.Errorf("%q is %q", typed, got)
		}
	}
}

func TestUserCodesOutliveARootKeysTurn(t *testing.T) {
	h, tv := deviceHouse(t)
	d := h.device(tv)
	h.server = h.serverWith(func(c *oauth.Config) { c.UserCodeKeys = append([][]byte{[]byte("a newer key")}, c.UserCodeKeys...) })
	h.approveDevice(d)
	made(h.poll(tv, d.DeviceCode))(t)
}

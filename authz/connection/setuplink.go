package connection

import (
	"context"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// How long a set-up link is good.
const (
	DefaultSetupLife = 7 * 24 * time.Hour
	MaxSetupLife     = 30 * 24 * time.Hour
)

// linkStore keeps set-up links.
type linkStore interface {
	CreateSetupLink(ctx context.Context, l authz.SetupLink) error
	SetupLinkByDigestAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, of [32]byte) (authz.SetupLink, error)
	ListSetupLinks(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, c authz.ConnectionID) ([]authz.SetupLink, error)
	RevokeSetupLink(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, c authz.ConnectionID, id string, at time.Time) error
}

const (
	setupToken = "setup" // the prefix of a token
	maxLinks   = 20      // that are good, at one connection
)

// CreateSetupLink makes a link by which whoever has it sets this one connection
// up, and returns its token, which is in no other answer; life is a week when
// zero.
func (s *Connections) CreateSetupLink(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID, life time.Duration) (authz.SetupLink, authz.Secret, error) {
	c, err := s.Get(ctx, by, ws, id)
	if err != nil {
		return authz.SetupLink{}, "", err
	}
	if life == 0 {
		life = DefaultSetupLife
	}
	if life < 0 || life > MaxSetupLife {
		return authz.SetupLink{}, "", invalid("expires_in_hours", "must be 1 to 720")
	}
	now := s.cfg.Clock.Now()
	all, err := s.cfg.Store.ListSetupLinks(ctx, s.cfg.Issuer, ws, id)
	if err != nil {
		return authz.SetupLink{}, "", err
	}
	good := 0
	for _, l := range all {
		if l.UsableAt(now) {
			good++
		}
	}
	if good >= maxLinks {
		return authz.SetupLink{}, "", authz.NewError(authz.Conflict, "too_many_links", "The connection has too many set-up links: revoke those nobody needs.")
	}
	token := authz.NewToken(setupToken)
	l := authz.SetupLink{
		ID: authz.NewID("setup"), Digest: authz.Digest(token.Reveal()), Issuer: s.cfg.Issuer, WorkspaceID: ws, ConnectionID: id,
		MadeBy: by.Subject, CreatedAt: now, ExpiresAt: now.Add(life),
	}
	return l, token, s.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := s.cfg.Store.CreateSetupLink(ctx, l); err != nil {
			return err
		}
		return s.record(ctx, by, c, "connection.setup_link_created", map[string]any{"link": l.ID, "expires_at": l.ExpiresAt.UTC().Format(time.RFC3339)})
	})
}

// SetupURL is where a set-up link leads, by its token.
func (s *Connections) SetupURL(token authz.Secret) string { return s.cfg.Upstreams.SetupURL(token) }

// SetupLinks lists the links of a connection, the newest first, also those that
// are good no more until they are purged.
func (s *Connections) SetupLinks(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID) ([]authz.SetupLink, error) {
	if _, err := s.Get(ctx, by, ws, id); err != nil {
		return nil, err
	}
	return s.cfg.Store.ListSetupLinks(ctx, s.cfg.Issuer, ws, id)
}

// RevokeSetupLink takes a link back at once.
func (s *Connections) RevokeSetupLink(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID, link string) error {
	c, err := s.Get(ctx, by, ws, id)
	if err != nil {
		return err
	}
	return s.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := s.cfg.Store.RevokeSetupLink(ctx, s.cfg.Issuer, ws, id, link, s.cfg.Clock.Now()); err != nil {
			return err
		}
		return s.record(ctx, by, c, "connection.setup_link_revoked", map[string]any{"link": link})
	})
}

// Setup is what a set-up link opens: one connection, and of what can be done to
// it the few acts of this type. It is nobody's credential for anything else.
type Setup struct {
	of   *Connections
	link authz.SetupLink
	by   authz.Principal
}

// ErrSetupOver says that a link opens nothing, or nothing any more.
var ErrSetupOver = authz.NewError(authz.Expired, "setup_over", "This set-up link is over, was taken back, or never was one. Ask whoever sent it for a new one.")

// OpenSetup opens a link by its token, or fails with ErrSetupOver.
func (s *Connections) OpenSetup(ctx context.Context, token authz.Secret) (Setup, error) {
	l, err := s.cfg.Store.SetupLinkByDigestAcrossWorkspaces(ctx, s.cfg.Issuer, authz.Digest(token.Reveal()))
	if errors.Is(err, authz.ErrNotFound) || err == nil && !l.UsableAt(s.cfg.Clock.Now()) {
		return Setup{}, ErrSetupOver
	}
	if err != nil {
		return Setup{}, err
	}
	out := Setup{of: s, link: l, by: authz.Principal{Issuer: s.cfg.Issuer, WorkspaceID: l.WorkspaceID, Subject: l.ID, Scopes: []string{Scope}}}
	if _, err := out.Connection(ctx); errors.Is(err, authz.ErrNotFound) {
		return Setup{}, ErrSetupOver
	}
	return out, err
}

// Opened records that somebody came by the link.
func (u Setup) Opened(ctx context.Context) error {
	c, err := u.Connection(ctx)
	if err != nil {
		return err
	}
	return u.of.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		return u.of.record(ctx, u.by, c, "connection.setup_opened", map[string]any{"link": u.link.ID})
	})
}

// Link is what was opened.
func (u Setup) Link() authz.SetupLink { return u.link }

// Connection is the connection as it is; its secrets stay sealed. It is not found
// where its workspace is suspended or gone.
func (u Setup) Connection(ctx context.Context) (authz.Connection, error) {
	workspace, err := u.of.cfg.Store.GetWorkspace(ctx, u.link.Issuer, u.link.WorkspaceID)
	if err != nil {
		return authz.Connection{}, err
	}
	if workspace.State != authz.Active {
		return authz.Connection{}, authz.ErrNotFound
	}
	return u.of.Get(ctx, u.by, u.link.WorkspaceID, u.link.ConnectionID)
}

// Open reports whether the connection may still be changed by a link: one that
// people sign in by is its workspace's administrators' to change.
func Open(c authz.Connection) bool { return c.Drafted() }

// Change changes what a customer's administrator knows: vendor, provider, our
// client there. Every other member of the Change is left out.
func (u Setup) Change(ctx context.Context, change Change) (authz.Connection, error) {
	c, err := u.Connection(ctx)
	if err != nil {
		return c, err
	}
	if !Open(c) {
		return c, authz.NewError(authz.Conflict, "in_use", "People sign in by this connection: ask whoever sent the link to change it.")
	}
	return u.of.Update(ctx, u.by, u.link.WorkspaceID, u.link.ConnectionID, c.Revision, Change{
		Vendor: change.Vendor, Issuer: change.Issuer, ClientID: change.ClientID, Secret: change.Secret, Metadata: change.Metadata,
	})
}

// Check looks at the upstreams, and gives links for test sign-ins.
func (u Setup) Check(ctx context.Context) (authz.Connection, []Checked, error) {
	if _, err := u.Connection(ctx); err != nil {
		return authz.Connection{}, nil, err
	}
	return u.of.Check(ctx, u.by, u.link.WorkspaceID, u.link.ConnectionID)
}

// Failures are the latest sign-ins that were refused, explained.
func (u Setup) Failures(ctx context.Context) ([]Failure, error) {
	return u.of.Failures(ctx, u.by, u.link.WorkspaceID, u.link.ConnectionID)
}

// Discover is the issuer that a discovery document at an address tells.
func (u Setup) Discover(ctx context.Context, address string) (issuer string, err error) {
	return u.of.cfg.Upstreams.Discover(ctx, address)
}

// Ours are our own addresses and names at the connection, to be told to the
// provider: by what forms call them.
func (u Setup) Ours() map[string]string { return u.of.cfg.Upstreams.Ours(u.link.ConnectionID) }

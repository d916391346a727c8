package admin

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// ClientHistory keeps what clients came to be.
type ClientHistory interface {
	KeepClientRevision(ctx context.Context, r authz.ClientRevision, keep int64) error
	ListClientRevisions(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ClientID, limit int) ([]authz.ClientRevision, error)
}

// maxRevisions is how many revisions of a client are remembered.
const maxRevisions = 100

func (a *Admin) remember(ctx context.Context, by authz.Principal, c authz.Client) error {
	return a.cfg.Store.KeepClientRevision(ctx, authz.ClientRevision{Client: c, Actor: by.Subject, At: a.cfg.Clock.Now()}, maxRevisions)
}

// ClientHistory lists the last hundred revisions of a client, newest first.
func (a *Admin) ClientHistory(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ClientID) ([]authz.ClientRevision, error) {
	if _, err := a.GetClient(ctx, by, ws, id); err != nil {
		return nil, err
	}
	return a.cfg.Store.ListClientRevisions(ctx, a.cfg.Issuer, ws, id, maxRevisions)
}

// RollBackClient gives a client the settings of an earlier revision, as a change
// like any other: what may not be decided any more is refused.
func (a *Admin) RollBackClient(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ClientID, revision, to int64) (authz.Client, error) {
	history, err := a.ClientHistory(ctx, by, ws, id)
	if err != nil {
		return authz.Client{}, err
	}
	for _, r := range history {
		if r.Client.Revision == to {
			return a.UpdateClient(ctx, by, ws, id, revision, func(s *ClientSettings) { *s = settingsOf(r.Client) })
		}
	}
	return authz.Client{}, invalid("revision", "is not one that is remembered.")
}

package clientdoc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

var errFull = authz.NewError(authz.Unavailable, "temporarily_unavailable", "No more applications can be connected right now.")

// Keep makes a client that a person allows a row, so that grants can hang on
// it, or brings its row up to date with its document.
func (d *Documents) Keep(ctx context.Context, c authz.Client) error {
	return d.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		created, err := d.cfg.Store.KeepDocumentClient(ctx, c, d.cfg.MaxClients)
		if errors.Is(err, authz.ErrConflict) {
			return errFull
		}
		if err != nil {
			return err
		}
		if created {
			return d.record(ctx, c, "client.registered")
		}
		return d.renew(ctx, c)
	})
}

// renew replaces what is registered when the document has changed since.
func (d *Documents) renew(ctx context.Context, c authz.Client) error {
	row, err := d.cfg.Store.GetClientAcrossWorkspaces(ctx, d.cfg.Issuer, c.ID)
	if err != nil {
		return err
	}
	if row.State != authz.Active {
		return errClient
	}
	if same(row, c) {
		return nil
	}
	c.Revision, c.UpdatedAt = row.Revision, d.cfg.Clock.Now()
	if err := d.cfg.Store.UpdateClient(ctx, c); err != nil {
		return err
	}
	return d.record(ctx, c, "client.updated")
}

// same reports whether a row says what a document does.
func same(a, b authz.Client) bool {
	plain := func(c authz.Client) []byte {
		c.Epoch, c.Revision, c.CreatedAt, c.UpdatedAt = 0, 0, time.Time{}, time.Time{}
		text, err := json.Marshal(c)
		if err != nil {
			return nil // a key set that is no JSON: not the same as any
		}
		return bytes.ReplaceAll(text, []byte("null"), []byte("[]")) // a list nobody filled
	}
	left, right := plain(a), plain(b)
	return left != nil && bytes.Equal(left, right)
}

func (d *Documents) record(ctx context.Context, c authz.Client, typ string) error {
	now := d.cfg.Clock.Now()
	entry := authz.AuditEntry{
		Issuer: d.cfg.Issuer, Time: now, Type: typ, Result: authz.Success, Actor: "document", Target: string(c.ID),
		Details: map[string]any{"scopes": c.Scopes, "auth_method": c.AuthMethod},
	}.From(authz.OriginFrom(ctx))
	if err := d.cfg.Store.AppendAudit(ctx, entry); err != nil {
		return err
	}
	return d.cfg.Outbox.Append(ctx, "", typ, now, map[string]any{"id": string(c.ID), "actor": "document"})
}

// unusedAfter is how long a row is kept that no grant hangs on.
const unusedAfter = 30 * 24 * time.Hour

const purgeBatch = 100

// Purge deletes rows that nothing hangs on; their documents make them anew.
func (d *Documents) Purge(ctx context.Context) (int64, error) {
	return d.cfg.Store.DeleteUnusedDocumentClients(ctx, d.cfg.Issuer, d.cfg.Clock.Now().Add(-unusedAfter), purgeBatch)
}

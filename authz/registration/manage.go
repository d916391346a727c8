package registration

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// held returns the client whose registration access token this is. Whatever is
// wrong has one answer, so that nobody learns which clients there are.
func (r *Registrar) held(ctx context.Context, id authz.ClientID, token authz.Secret) (authz.Client, authz.Registration, error) {
	var none authz.Client
	digest := authz.Digest(token.Reveal())
	hold, err := r.cfg.Store.GetRegistration(ctx, r.cfg.Issuer, id)
	if err != nil {
		return none, hold, translate(err)
	}
	if subtle.ConstantTimeCompare(digest[:], hold.Digest[:]) != 1 {
		return none, hold, errToken
	}
	if err := r.standing(ctx, hold.WorkspaceID); err != nil {
		return none, hold, translate(err)
	}
	c, err := r.cfg.Store.GetClient(ctx, r.cfg.Issuer, hold.WorkspaceID, id)
	if err != nil {
		return none, hold, translate(err)
	}
	if c.State != authz.Active {
		return none, hold, errToken
	}
	return c, hold, nil
}

// Read tells a client what is registered of it (RFC 7592 section 2.1). The
// secret is not known here and so not told again.
func (r *Registrar) Read(ctx context.Context, id authz.ClientID, token authz.Secret) (Told, error) {
	c, _, err := r.held(ctx, id, token)
	if err != nil {
		return Told{}, err
	}
	told := r.tell(c)
	told.hold = token
	return told, nil
}

var (
	errOther  = authz.NewError(authz.Invalid, "invalid_client_metadata", "client_id: must be that of the client.")
	errSecret = authz.NewError(authz.Invalid, "invalid_client_metadata", "client_secret: is not the client's.")
	errMethod = authz.NewError(authz.Invalid, "invalid_client_metadata", "token_endpoint_auth_method: cannot be changed.")
	errOurs   = authz.NewError(authz.Invalid, "invalid_client_metadata", "registration_access_token, registration_client_uri, client_secret_expires_at and client_id_issued_at are the server's to say.")
)

// Update replaces what is registered of a client (RFC 7592 section 2.2) and
// gives it another registration access token.
func (r *Registrar) Update(ctx context.Context, id authz.ClientID, token authz.Secret, body []byte) (Told, error) {
	before, hold, err := r.held(ctx, id, token)
	if err != nil {
		return Told{}, err
	}
	after, err := r.replaced(ctx, before, body)
	if err != nil {
		return Told{}, translate(err)
	}
	next := authz.NewToken("grt_")
	err = r.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := r.cfg.Store.RotateRegistration(ctx, r.cfg.Issuer, id, hold.Digest, authz.Digest(next.Reveal())); err != nil {
			return err
		}
		if err := r.cfg.Store.UpdateClient(ctx, after); err != nil {
			return err
		}
		details := map[string]any{"scopes_before": before.Scopes, "scopes_after": after.Scopes}
		return r.record(ctx, act{after.WorkspaceID, "client.updated", string(id), string(id), details})
	})
	told := r.tell(after)
	told.hold = next
	return told, translate(err)
}

// replaced is the client as its new metadata has it.
func (r *Registrar) replaced(ctx context.Context, before authz.Client, body []byte) (authz.Client, error) {
	var said struct {
		ID     string          `json:"client_id"`
		Secret authz.Secret    `json:"client_secret"`
		Hold   json.RawMessage `json:"registration_access_token"`
		URI    json.RawMessage `json:"registration_client_uri"`
		Ends   json.RawMessage `json:"client_secret_expires_at"`
		Issued json.RawMessage `json:"client_id_issued_at"`
	}
	after, err := r.read(body, before.Metadata.Profile)
	if err != nil {
		return after, err
	}
	if err := json.Unmarshal(body, &said); err != nil || said.ID != string(before.ID) {
		return after, errOther
	}
	if len(said.Hold)+len(said.URI)+len(said.Ends)+len(said.Issued) > 0 {
		return after, errOurs
	}
	if after.AuthMethod != before.AuthMethod {
		return after, errMethod
	}
	if said.Secret != "" {
		if err := r.owns(ctx, before, said.Secret); err != nil {
			return after, err
		}
	}
	after.ID, after.Issuer, after.WorkspaceID, after.Environment = before.ID, before.Issuer, before.WorkspaceID, before.Environment
	after.TokenFormat, after.State, after.Epoch, after.Revision = before.TokenFormat, before.State, before.Epoch, before.Revision
	after.CreatedAt, after.UpdatedAt = before.CreatedAt, r.cfg.Clock.Now()
	return after, r.check(ctx, after)
}

// owns checks that a secret a client repeats is its own (RFC 7592 section 2.2).
func (r *Registrar) owns(ctx context.Context, c authz.Client, secret authz.Secret) error {
	secrets, err := r.cfg.Store.ListClientSecrets(ctx, r.cfg.Issuer, c.ID, r.cfg.Clock.Now())
	if err != nil {
		return err
	}
	for _, s := range secrets {
		ok, _, err := r.cfg.Hasher.VerifyMachine(ctx, s.Hash, secret)
		if err != nil {
			return err
		}
		if ok {
			return nil
		}
	}
	return errSecret
}

// Delete ends a client and everything issued to it (RFC 7592 section 2.3).
func (r *Registrar) Delete(ctx context.Context, id authz.ClientID, token authz.Secret) error {
	_, hold, err := r.held(ctx, id, token)
	if err != nil {
		return err
	}
	return translate(r.end(ctx, hold, string(id), "deleted by itself"))
}

func (r *Registrar) end(ctx context.Context, hold authz.Registration, actor, why string) error {
	return r.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := r.cfg.Store.DeleteRegistration(ctx, r.cfg.Issuer, hold.ClientID); err != nil {
			return err
		}
		moved, err := r.cfg.Store.KillNode(ctx, r.cfg.Issuer, hold.WorkspaceID, authz.ClientRef(r.cfg.Issuer, hold.ClientID), authz.Deleted)
		if err != nil || !moved {
			return err
		}
		return r.record(ctx, act{hold.WorkspaceID, "client.deleted", actor, string(hold.ClientID), map[string]any{"reason": why}})
	})
}

// purgeBatch bounds what one purge looks at.
const purgeBatch = 100

// Purge ends clients that registered themselves long ago and that nothing hangs
// on, and returns how many.
func (r *Registrar) Purge(ctx context.Context) (int, error) {
	list, err := r.cfg.Store.ListUnusedRegistrationsAcrossWorkspaces(ctx, r.cfg.Issuer, r.cfg.Clock.Now().Add(-r.cfg.UnusedAfter), purgeBatch)
	if err != nil {
		return 0, err
	}
	for n, hold := range list {
		if err := r.end(ctx, hold, "purge", "unused"); err != nil && !errors.Is(err, authz.ErrNotFound) {
			return n, err
		}
	}
	return len(list), nil
}

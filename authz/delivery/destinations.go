package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
)

// maxDestinations bounds the destinations of a workspace.
const maxDestinations = 100

var (
	errMany  = authz.NewError(authz.Conflict, "too_many", "The workspace has 100 destinations; delete one.")
	errInUse = authz.NewError(authz.Conflict, "destination_in_use",
		"Keys are brought there when they are replaced. Give them another delivery first.")
)

func invalid(member, fault string) error {
	return authz.NewError(authz.Invalid, "invalid_request", member+": "+fault)
}

// Settings are what somebody decides about a destination. Its target is decided
// once; of a change what is nil, or empty, stays as it is.
type Settings struct {
	Name    *string
	Kind    authz.DestinationKind
	Target  authz.DestinationTarget
	Secrets authz.DestinationSecrets
	// State is active or disabled: what is on its way then waits.
	State *authz.State
}

// Get returns a destination of a workspace.
func (d *Deliveries) Get(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.DestinationID) (authz.Destination, error) {
	if err := d.may(by, ws); err != nil {
		return authz.Destination{}, err
	}
	return d.cfg.Store.GetDestination(ctx, d.cfg.Issuer, ws, id)
}

// List returns a page of a workspace's destinations, oldest first.
func (d *Deliveries) List(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, page authz.Page) ([]authz.Destination, error) {
	if err := d.may(by, ws); err != nil {
		return nil, err
	}
	return d.cfg.Store.ListDestinations(ctx, d.cfg.Issuer, ws, page)
}

// Create makes a destination. That of a webhook comes with the secret its
// requests are signed with, which nobody will see again.
func (d *Deliveries) Create(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, in Settings) (authz.Destination, authz.Secret, error) {
	now := d.cfg.Clock.Now()
	if err := d.maySend(by, ws, now); err != nil {
		return authz.Destination{}, "", err
	}
	out := authz.Destination{
		ID: authz.NewDestinationID(), Issuer: d.cfg.Issuer, WorkspaceID: ws, Kind: in.Kind, Target: in.Target, State: authz.Active, Revision: 1,
		CreatedAt: now, CreatedBy: by.Subject, UpdatedAt: now,
	}
	authz.Replace(&out.Name, in.Name)
	var shown authz.Secret
	if in.Kind == authz.WebhookDestination {
		shown = newSigningSecret()
		in.Secrets.Signing = []authz.SigningSecret{{Text: shown}}
	}
	if err := d.settle(&out, in.Secrets); err != nil {
		return authz.Destination{}, "", err
	}
	err := d.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if ws != "" {
			found, err := d.cfg.Store.GetWorkspace(ctx, d.cfg.Issuer, ws)
			if err != nil {
				return err
			}
			if found.State == authz.Deleted {
				return authz.ErrNotFound
			}
		}
		there, err := d.cfg.Store.ListDestinations(ctx, d.cfg.Issuer, ws, authz.Page{Limit: maxDestinations})
		if err != nil {
			return err
		}
		if len(there) >= maxDestinations {
			return errMany
		}
		if err := d.cfg.Store.CreateDestination(ctx, out); err != nil {
			return err
		}
		return d.recordAct(ctx, by, typeCreated, now, out, map[string]any{"name": out.Name, "kind": string(out.Kind)})
	})
	if err != nil {
		return authz.Destination{}, "", fmt.Errorf("creating a destination: %w", err)
	}
	return out, shown, nil
}

// settle checks a destination as it would be, and seals its secrets.
func (d *Deliveries) settle(out *authz.Destination, s authz.DestinationSecrets) error {
	if err := clientmeta.CheckText("name", out.Name); err != nil {
		return err
	}
	carrier := d.cfg.Carriers[out.Kind]
	if carrier == nil {
		return invalid("kind", "must be webhook, vault or aws_secrets_manager")
	}
	if out.Kind == authz.WebhookDestination {
		if err := normalKey(&out.Target); err != nil {
			return err
		}
	}
	if err := carrier.Check(out.Target, s); err != nil {
		return err
	}
	if out.State != authz.Active && out.State != authz.Disabled {
		return invalid("status", `must be "active" or "disabled"`)
	}
	var err error
	out.Sealed, err = d.sealSecrets(out.ID, s)
	return err
}

// Update changes a destination, but not where it is.
func (d *Deliveries) Update(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.DestinationID, revision int64, in Settings) (authz.Destination, error) {
	out, _, err := d.change(ctx, by, ws, id, revision, func(out *authz.Destination, s *authz.DestinationSecrets) (authz.Secret, error) {
		authz.Replace(&out.Name, in.Name)
		authz.Replace(&out.State, in.State)
		if len(in.Target.JWK) > 0 {
			out.Target.JWK = in.Target.JWK
		}
		if in.Target.AccessKeyID != "" {
			out.Target.AccessKeyID = in.Target.AccessKeyID
		}
		for to, from := range map[*authz.Secret]authz.Secret{
			&s.Token: in.Secrets.Token, &s.SecretID: in.Secrets.SecretID, &s.SecretAccessKey: in.Secrets.SecretAccessKey,
		} {
			if from != "" {
				*to = from
			}
		}
		return "", nil
	})
	return out, err
}

// RotateSecret gives a webhook a new secret to be signed with. For a day its
// requests carry a signature of the old one, too.
func (d *Deliveries) RotateSecret(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.DestinationID, revision int64) (authz.Destination, authz.Secret, error) {
	return d.change(ctx, by, ws, id, revision, func(out *authz.Destination, s *authz.DestinationSecrets) (authz.Secret, error) {
		if out.Kind != authz.WebhookDestination {
			return "", authz.NewError(authz.Conflict, "not_a_webhook", "Only a webhook has a secret of ours.")
		}
		shown := newSigningSecret()
		before := s.Signing[0]
		before.Until = d.cfg.Clock.Now().Add(signingOverlap)
		s.Signing = []authz.SigningSecret{{Text: shown}, before}
		return shown, nil
	})
}

// change makes a destination of what it was. What is changed is told without its
// secrets.
func (d *Deliveries) change(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.DestinationID, revision int64,
	apply func(*authz.Destination, *authz.DestinationSecrets) (authz.Secret, error),
) (out authz.Destination, shown authz.Secret, err error) {
	now := d.cfg.Clock.Now()
	if err := d.may(by, ws); err != nil {
		return out, "", err
	}
	err = d.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		before, err := d.cfg.Store.GetDestination(ctx, d.cfg.Issuer, ws, id)
		if err != nil {
			return err
		}
		if err := d.maySend(by, ws, now); err != nil {
			return err
		}
		if revision != 0 && revision != before.Revision {
			return authz.ErrStale
		}
		secrets, err := d.openSecrets(before)
		if err != nil {
			return err
		}
		out = before
		if shown, err = apply(&out, &secrets); err != nil {
			return err
		}
		if err := d.settle(&out, secrets); err != nil {
			return err
		}
		out.UpdatedAt = now
		if err := d.cfg.Store.UpdateDestination(ctx, out); err != nil {
			return err
		}
		out.Revision++
		return d.recordAct(ctx, by, typeUpdated, now, out, map[string]any{
			"name": out.Name, "state_before": string(before.State), "state_after": string(out.State), "signing_secret_rotated": shown != "",
		})
	})
	if err != nil {
		return authz.Destination{}, "", fmt.Errorf("changing a destination: %w", err)
	}
	return out, shown, nil
}

// Delete deletes a destination no key is brought to.
func (d *Deliveries) Delete(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.DestinationID) error {
	if err := d.may(by, ws); err != nil {
		return err
	}
	err := d.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		there, err := d.cfg.Store.GetDestination(ctx, d.cfg.Issuer, ws, id)
		if err != nil {
			return err
		}
		if err := d.mayAct(by, ws); err != nil {
			return err
		}
		inUse, err := d.cfg.Store.DeleteDestination(ctx, d.cfg.Issuer, ws, id)
		if err != nil {
			return err
		}
		if inUse {
			return errInUse
		}
		return d.recordAct(ctx, by, typeDeleted, d.cfg.Clock.Now(), there, map[string]any{"name": there.Name, "kind": string(there.Kind)})
	})
	if err != nil {
		return fmt.Errorf("deleting a destination: %w", err)
	}
	return nil
}

func (d *Deliveries) recordAct(ctx context.Context, by authz.Principal, typ string, now time.Time, to authz.Destination, details map[string]any) error {
	return d.record(ctx, authz.AuditEntry{
		WorkspaceID: to.WorkspaceID, AccountID: by.AccountID, Time: now, Type: typ, Result: authz.Success, Actor: by.Subject,
		Target: string(to.ID), Details: details,
	})
}

package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/delivery"
)

// Destination is a key destination as the API tells of it.
type Destination struct {
	ID          string            `json:"id"`
	WorkspaceID string            `json:"workspace_id"`
	Name        string            `json:"name"`
	Kind        string            `json:"kind" enum:"webhook,vault,aws_secrets_manager"`
	Target      DestinationTarget `json:"target"`
	Status      string            `json:"status" enum:"active,disabled"`
	CreatedAt   string            `json:"created_at"`
	CreatedBy   string            `json:"created_by,omitempty"`
	Revision    int64             `json:"revision"`
	// SigningSecret is in the answers that made it and nowhere else.
	SigningSecret string `json:"signing_secret,omitempty" doc:"What a webhook's requests are signed with (Standard Webhooks). It is shown this once."`
}

// DestinationTarget is where a destination is. None of it is a secret.
type DestinationTarget struct {
	URL         string `json:"url,omitempty" maxLength:"2048" doc:"Of a webhook, of Vault, or of an endpoint of Secrets Manager other than the region's own."`
	JWK         any    `json:"jwk,omitempty" doc:"Of a webhook: the public key the new text is encrypted to, a JWK or a JWK Set with one (RFC 7517): RSA, or EC on P-256, P-384 or P-521."`
	Namespace   string `json:"namespace,omitempty" maxLength:"256" doc:"Of Vault."`
	Mount       string `json:"mount,omitempty" maxLength:"128" doc:"Of Vault: where the KV engine, version 2, is mounted."`
	Path        string `json:"path,omitempty" maxLength:"512" doc:"Of Vault: the secret. {service_account_id} and {environment} stand for those of the key."`
	RoleID      string `json:"role_id,omitempty" maxLength:"256" doc:"Of Vault: an AppRole, where no token is given."`
	SecretARN   string `json:"secret_arn,omitempty" maxLength:"2048" doc:"Of Secrets Manager: the secret, which exists. {service_account_id} and {environment} stand for those of the key."`
	AccessKeyID string `json:"access_key_id,omitempty" maxLength:"128" doc:"Of Secrets Manager."`
}

func (t DestinationTarget) target() authz.DestinationTarget {
	out := authz.DestinationTarget{
		URL: t.URL, Namespace: t.Namespace, Mount: t.Mount, Path: t.Path, RoleID: t.RoleID, SecretARN: t.SecretARN, AccessKeyID: t.AccessKeyID,
	}
	if t.JWK != nil {
		out.JWK, _ = json.Marshal(t.JWK) //nolint:errchkjson // it came from JSON
	}
	return out
}

// DestinationSecrets are what a destination is spoken to with; no answer holds
// them.
type DestinationSecrets struct {
	Token           string `json:"token,omitempty" maxLength:"4096" doc:"Of Vault."`
	SecretID        string `json:"secret_id,omitempty" maxLength:"4096" doc:"Of Vault: of the AppRole."`
	SecretAccessKey string `json:"secret_access_key,omitempty" maxLength:"4096" doc:"Of Secrets Manager."`
}

func (s DestinationSecrets) secrets() authz.DestinationSecrets {
	return authz.DestinationSecrets{Token: authz.Secret(s.Token), SecretID: authz.Secret(s.SecretID), SecretAccessKey: authz.Secret(s.SecretAccessKey)}
}

// NewDestination is what a new one is made of.
type NewDestination struct {
	ForWorkspace
	Name    string             `json:"name" minLength:"1" maxLength:"200"`
	Kind    string             `json:"kind" enum:"webhook,vault,aws_secrets_manager"`
	Target  DestinationTarget  `json:"target"`
	Secrets DestinationSecrets `json:"secrets,omitempty"`
}

// DestinationChange is what can change of one: not where it is. Whoever could
// move it would be given the keys that are brought there.
type DestinationChange struct {
	Name        *string            `json:"name,omitempty" minLength:"1" maxLength:"200"`
	Status      *string            `json:"status,omitempty" enum:"active,disabled" doc:"What is on its way to a disabled one waits."`
	JWK         any                `json:"jwk,omitempty" doc:"Of a webhook: the public key from now on."`
	AccessKeyID string             `json:"access_key_id,omitempty" maxLength:"128"`
	Secrets     DestinationSecrets `json:"secrets,omitempty" doc:"Those that are given replace what there was."`
}

func (c DestinationChange) settings() delivery.Settings {
	return delivery.Settings{
		Name: c.Name, State: (*authz.State)(c.Status), Secrets: c.Secrets.secrets(),
		Target: DestinationTarget{JWK: c.JWK, AccessKeyID: c.AccessKeyID}.target(),
	}
}

// DestinationTest says what came of trying a destination out.
type DestinationTest struct {
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty" doc:"What was wrong; nothing of what the other side wrote but its status."`
}

func viewDestination(d authz.Destination) Destination {
	t := d.Target
	view := Destination{
		ID: string(d.ID), WorkspaceID: string(d.WorkspaceID), Name: d.Name, Kind: string(d.Kind), Status: string(d.State),
		CreatedAt: stamp(d.CreatedAt), CreatedBy: d.CreatedBy, Revision: d.Revision,
		Target: DestinationTarget{
			URL: t.URL, Namespace: t.Namespace, Mount: t.Mount, Path: t.Path, RoleID: t.RoleID, SecretARN: t.SecretARN, AccessKeyID: t.AccessKeyID,
		},
	}
	if len(t.JWK) > 0 {
		view.Target.JWK = t.JWK
	}
	return view
}

func (a *api) destinationRoutes(h huma.API) {
	const path = "/v1/key-destinations"
	register(a, h, http.MethodPost, path, "create-key-destination",
		"Create a destination that the new texts of replaced keys are brought to", http.StatusCreated, a.createDestination)
	register(a, h, http.MethodGet, path, "list-key-destinations", "List key destinations", http.StatusOK, a.listDestinations)
	register(a, h, http.MethodGet, path+"/{id}", "get-key-destination", "Get a key destination", http.StatusOK,
		func(ctx context.Context, in *OneOf) (*answer[Destination], error) {
			return oneDestination(a.cfg.Deliveries.Get(ctx, principal(ctx), in.in(ctx), authz.DestinationID(in.ID)))
		})
	register(a, h, http.MethodPatch, path+"/{id}", "update-key-destination", "Change a key destination, but not where it is", http.StatusOK,
		func(ctx context.Context, in *patch[DestinationChange]) (*answer[Destination], error) {
			revision, err := in.revision()
			if err != nil {
				return nil, err
			}
			return oneDestination(a.cfg.Deliveries.Update(ctx, principal(ctx), in.in(ctx), authz.DestinationID(in.ID), revision, in.Body.settings()))
		})
	register(a, h, http.MethodDelete, path+"/{id}", "delete-key-destination", "Delete a key destination that no key names", http.StatusNoContent,
		func(ctx context.Context, in *OneOf) (*struct{}, error) {
			return nil, a.cfg.Deliveries.Delete(ctx, principal(ctx), in.in(ctx), authz.DestinationID(in.ID))
		})
	register(a, h, http.MethodPost, path+"/{id}/test", "test-key-destination",
		"Ask a key destination whether it would take a key, and bring it none", http.StatusOK,
		func(ctx context.Context, in *OneOf) (*answer[DestinationTest], error) {
			reason, err := a.cfg.Deliveries.Try(ctx, principal(ctx), in.in(ctx), authz.DestinationID(in.ID))
			if err != nil {
				return nil, err
			}
			return answered(DestinationTest{OK: reason == "", Error: reason}), nil
		})
	register(a, h, http.MethodPost, path+"/{id}/rotate-secret", "rotate-key-destination-secret",
		"Give a webhook a new signing secret; for a day its requests are signed with both", http.StatusOK,
		func(ctx context.Context, in *OneOf) (*answer[Destination], error) {
			found, secret, err := a.cfg.Deliveries.RotateSecret(ctx, principal(ctx), in.in(ctx), authz.DestinationID(in.ID), 0)
			return withSecret(found, secret, err)
		})
}

func (a *api) createDestination(ctx context.Context, in *create[NewDestination]) (*answer[Destination], error) {
	b := in.Body
	return withSecret(a.cfg.Deliveries.Create(ctx, principal(ctx), b.in(ctx), delivery.Settings{
		Name: &b.Name, Kind: authz.DestinationKind(b.Kind), Target: b.Target.target(), Secrets: b.Secrets.secrets(),
	}))
}

func (a *api) listDestinations(ctx context.Context, in *AllOf) (*answer[list[Destination]], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Deliveries.List(ctx, principal(ctx), in.in(ctx), page)
	if err != nil {
		return nil, err
	}
	at := func(d authz.Destination) authz.Position {
		return authz.Position{CreatedAt: d.CreatedAt, ID: string(d.ID)}
	}
	return listed(in.Paging, rows, at, viewDestination), nil
}

func oneDestination(found authz.Destination, err error) (*answer[Destination], error) {
	return withSecret(found, "", err)
}

// withSecret is the answer that shows a signing secret, once.
func withSecret(found authz.Destination, secret authz.Secret, err error) (*answer[Destination], error) {
	if err != nil {
		return nil, err
	}
	view := viewDestination(found)
	view.SigningSecret = secret.Reveal()
	return tagged(view, found.Revision), nil
}

package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// Key is an API key as the API tells of it. The text is in the answer that
// made it and nowhere else, ever.
type Key struct {
	ID               string          `json:"id"`
	Key              string          `json:"key,omitempty"`
	Prefix           string          `json:"prefix"`
	Last4            string          `json:"last4"`
	Name             string          `json:"name"`
	WorkspaceID      string          `json:"workspace_id"`
	AccountID        string          `json:"account_id"`
	ServiceAccountID string          `json:"service_account_id"`
	Environment      string          `json:"environment"`
	Scopes           []string        `json:"scopes"`
	Resources        authz.Resources `json:"resources"`
	IPAllowlist      []string        `json:"ip_allowlist"`
	Tier             string          `json:"tier"`
	Status           string          `json:"status" enum:"active,grace,disabled,revoked,expired"`
	CreatedAt        string          `json:"created_at"`
	CreatedBy        string          `json:"created_by,omitempty"`
	ExpiresAt        string          `json:"expires_at,omitempty"`
	Rotation         *Rotation       `json:"rotation,omitempty" doc:"The key's own schedule, and how the new text is delivered."`
	RotateAt         string          `json:"rotate_at,omitempty" doc:"When the key is replaced, by its own schedule, the workspace's policy or the issuer's rule."`
	LastUsedAt       string          `json:"last_used_at,omitempty" doc:"When the key, or a token of it, was used last; some seconds late."`
	LastUsedIP       string          `json:"last_used_ip,omitempty" doc:"From where, as far as it was told."`
	RevokedAt        string          `json:"revoked_at,omitempty"`
	PurgeAt          string          `json:"purge_at,omitempty"`
	PredecessorID    string          `json:"predecessor_id,omitempty" doc:"The key this one replaced."`
	SuccessorID      string          `json:"successor_id,omitempty" doc:"The key that replaced this one."`
	GraceUntil       string          `json:"grace_until,omitempty" doc:"When a replaced key stops."`
	Revision         int64           `json:"revision" doc:"Counts changes; the ETag."`
}

func (a *api) viewKey(k authz.APIKey) Key {
	return Key{
		ID: string(k.ID), Prefix: k.Prefix, Last4: k.Last4, Name: k.Name, WorkspaceID: string(k.WorkspaceID),
		AccountID: string(k.AccountID), ServiceAccountID: string(k.ServiceAccountID), Environment: string(k.Environment),
		Scopes: orEmpty(k.Scopes), Resources: k.Resources, IPAllowlist: orEmpty(k.IPAllowlist), Tier: k.Tier,
		Status: k.StatusAt(a.cfg.Clock.Now()), CreatedAt: stamp(k.CreatedAt), CreatedBy: k.CreatedBy,
		ExpiresAt: stamp(k.ExpiresAt), RevokedAt: stamp(k.RevokedAt), PurgeAt: stamp(k.PurgeAt),
		LastUsedAt: stamp(k.LastUsedAt), LastUsedIP: k.LastUsedIP, Rotation: viewRotation(k), RotateAt: stamp(k.RotateAt), PredecessorID: string(k.Predecessor), SuccessorID: string(k.Successor), GraceUntil: stamp(k.GraceUntil), Revision: k.Revision,
	}
}

type createKey struct {
	Body struct {
		Name             string          `json:"name" minLength:"1" maxLength:"100"`
		WorkspaceID      string          `json:"workspace_id,omitempty" maxLength:"64" doc:"Absent: the caller's own."`
		Environment      string          `json:"environment" enum:"live,test"`
		Scopes           []string        `json:"scopes" minItems:"1" maxItems:"64"`
		ServiceAccountID string          `json:"service_account_id,omitempty" maxLength:"64"`
		Resources        authz.Resources `json:"resources,omitempty"`
		IPAllowlist      []string        `json:"ip_allowlist,omitempty" maxItems:"64"`
		ExpiresAt        *time.Time      `json:"expires_at,omitempty"`
		Tier             string          `json:"tier,omitempty" maxLength:"32" doc:"The operator's to name; absent: the workspace's."`
		Rotation         *Rotation       `json:"rotation,omitempty"`
	}
}

// KeyPath is where one key is.
type KeyPath struct {
	ID          string `path:"id" maxLength:"64"`
	WorkspaceID string `query:"workspace_id" maxLength:"64"`
}

type listKeys struct {
	WorkspaceID      string `query:"workspace_id" maxLength:"64"`
	Status           string `query:"status" enum:"active,grace,disabled,revoked,expired"`
	Environment      string `query:"environment" enum:"live,test"`
	ServiceAccountID string `query:"service_account_id" maxLength:"64"`
	Text             string `query:"q" maxLength:"100" doc:"Part of a name, or a whole id, prefix or last4."`
	UnusedFor        string `query:"unused_for" maxLength:"20" doc:"Not used for as long, such as P30D; a key that was never used counts from when it was made."`
	Paging
}

func (in *listKeys) filter(now time.Time) (authz.KeyFilter, error) {
	f := authz.KeyFilter{
		Status: in.Status, Environment: authz.Environment(in.Environment), ServiceAccountID: authz.ServiceAccountID(in.ServiceAccountID), Text: in.Text,
	}
	unused, err := durationIn("unused_for", in.UnusedFor)
	if unused > 0 {
		f.UnusedSince = now.Add(-unused)
	}
	return f, err
}

type revokeKey struct {
	Body struct {
		ID          string `json:"id" minLength:"1" maxLength:"64" doc:"The key's id, never the key."`
		WorkspaceID string `json:"workspace_id,omitempty" maxLength:"64"`
		Successors  bool   `json:"successors,omitempty" doc:"Revoke also every key that replaced it."`
	}
}

type deleteKey struct {
	KeyPath
	Successors bool `query:"successors" doc:"Revoke also every key that replaced it."`
}

// Successor is a key that replaced another and still stands.
type Successor struct {
	ID     string `json:"id"`
	Status string `json:"status" enum:"active,grace,disabled"`
	Handed bool   `json:"handed_to_predecessor" doc:"Its text was given to whoever used the key it replaced: who found that one may hold it."`
}

// RevokedKey is a key that was revoked.
type RevokedKey struct {
	Key
	Revoked  []string    `json:"revoked_successors,omitempty" doc:"The keys that replaced it and were revoked with it."`
	Receipt  *Receipt    `json:"receipt,omitempty" doc:"What the revocation ended."`
	Standing []Successor `json:"successors,omitempty" doc:"The keys that replaced it one after another and still stand, the nearest first: they were not revoked with it."`
}

func (a *api) keyRoutes(h huma.API) {
	path := a.cfg.KeysPath
	register(a, h, http.MethodPost, path, "create-key", "Create an API key; its text is shown this once", http.StatusCreated, a.createKey)
	register(a, h, http.MethodGet, path, "list-keys", "List API keys", http.StatusOK, a.listKeys)
	register(a, h, http.MethodGet, path+"/{id}", "get-key", "Get an API key", http.StatusOK, a.getKey)
	register(a, h, http.MethodPatch, path+"/{id}", "update-key", "Change, disable or enable an API key", http.StatusOK, a.patchKey)
	register(a, h, http.MethodDelete, path+"/{id}", "revoke-key", "Revoke an API key and everything made from it", http.StatusOK, a.deleteKey)
	rotate := operation(a, h, http.MethodPost, path+"/{id}/rotate", "rotate-key",
		"Replace an API key by a successor that may do the same; the old one stays valid for its grace", http.StatusOK)
	rotate.Middlewares, rotate.Parameters = nil, nil // asked again, it gives its answer again without an Idempotency-Key
	add(a, h, rotate, a.rotateKey)
	a.progressRoutes(h, path)
	a.reachRoutes(h, path)
	a.importRoute(h, path)
	if path == "/v1/api-keys" {
		register(a, h, http.MethodPost, path+"/revoke", "revoke-key-by-id", "Revoke an API key by its id", http.StatusOK, a.revokeKey)
	}
}

func (a *api) createKey(ctx context.Context, in *createKey) (*answer[Key], error) {
	b := in.Body
	request := apikey.Request{
		Name: b.Name, WorkspaceID: workspaceOr(ctx, b.WorkspaceID), Environment: authz.Environment(b.Environment), Scopes: b.Scopes,
		ServiceAccountID: authz.ServiceAccountID(b.ServiceAccountID), Resources: b.Resources, IPAllowlist: b.IPAllowlist, Tier: b.Tier,
	}
	if b.ExpiresAt != nil {
		request.ExpiresAt = *b.ExpiresAt
	}
	var err error
	if request.RotateEvery, err = b.Rotation.every(); err != nil {
		return nil, err
	}
	request.Delivery = b.Rotation.delivery()
	key, text, err := a.cfg.Keys.Mint(ctx, principal(ctx), authz.OriginFrom(ctx), request)
	if err != nil {
		return nil, err
	}
	out := a.viewed(key)
	out.Body.Key = text.Reveal()
	return out, nil
}

// viewed is the answer that tells of a key.
func (a *api) viewed(k authz.APIKey) *answer[Key] {
	return tagged(a.viewKey(k), k.Revision)
}

func (a *api) listKeys(ctx context.Context, in *listKeys) (*answer[list[Key]], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	filter, err := in.filter(a.cfg.Clock.Now())
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Keys.List(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), filter, page)
	if err != nil {
		return nil, err
	}
	at := func(k authz.APIKey) authz.Position {
		return authz.Position{CreatedAt: k.CreatedAt, ID: string(k.ID)}
	}
	return listed(in.Paging, rows, at, a.viewKey), nil
}

func (a *api) getKey(ctx context.Context, in *KeyPath) (*answer[Key], error) {
	return a.keyAnswer(a.cfg.Keys.Get(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), authz.KeyID(in.ID)))
}

func (a *api) viewSuccessors(keys []authz.APIKey) []Successor {
	view := make([]Successor, len(keys))
	for i, k := range keys {
		view[i] = Successor{ID: string(k.ID), Status: k.StatusAt(a.cfg.Clock.Now()), Handed: k.HandedTo == string(k.Predecessor)}
	}
	return view
}

func (a *api) deleteKey(ctx context.Context, in *deleteKey) (*answer[RevokedKey], error) {
	return a.revoke(ctx, in.WorkspaceID, in.ID, in.Successors)
}

func (a *api) revokeKey(ctx context.Context, in *revokeKey) (*answer[RevokedKey], error) {
	return a.revoke(ctx, in.Body.WorkspaceID, in.Body.ID, in.Body.Successors)
}

func (a *api) revoke(ctx context.Context, ws, id string, line bool) (*answer[RevokedKey], error) {
	by, from, in := principal(ctx), authz.OriginFrom(ctx), workspaceOr(ctx, ws)
	if !line {
		done, err := a.cfg.Keys.Revoke(ctx, by, from, in, authz.KeyID(id))
		if err != nil {
			return nil, err
		}
		return tagged(RevokedKey{Key: a.viewKey(done.Key), Standing: a.viewSuccessors(done.Successors), Receipt: viewReceipt(done.Receipt, done.Key)}, done.Key.Revision), nil
	}
	keys, err := a.cfg.Keys.RevokeLine(ctx, by, from, in, authz.KeyID(id))
	if err != nil {
		return nil, err
	}
	out := RevokedKey{Key: a.viewKey(keys[0].Key), Receipt: viewReceipt(keys[0].Receipt, keys[0].Key)}
	for _, k := range keys[1:] {
		out.Revoked = append(out.Revoked, string(k.Key.ID))
	}
	return tagged(out, keys[0].Key.Revision), nil
}

func (a *api) keyAnswer(k authz.APIKey, err error) (*answer[Key], error) {
	if err != nil {
		return nil, err
	}
	return a.viewed(k), nil
}

package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// KeyGrant is what was granted to a key, or exchanged from it.
type KeyGrant struct {
	ID        string   `json:"id"`
	Type      string   `json:"type"`
	ClientID  string   `json:"client_id" doc:"Who holds its tokens: the key's service account, or whoever exchanged a token of it."`
	Exchanged bool     `json:"exchanged"`
	Scopes    []string `json:"scopes"`
	CreatedAt string   `json:"created_at"`
	ExpiresAt string   `json:"expires_at,omitempty"`
}

// MadeKey is a key that a key's subject made.
type MadeKey struct {
	ID          string `json:"id"`
	Prefix      string `json:"prefix"`
	WorkspaceID string `json:"workspace_id"`
	Status      string `json:"status"`
	CreatedAt   string `json:"created_at"`
}

// KeyEntry is an audit entry about a key or its grants.
type KeyEntry struct {
	Time   string `json:"time"`
	Type   string `json:"type"`
	Result string `json:"result"`
	Reason string `json:"reason,omitempty"`
	Actor  string `json:"actor,omitempty"`
	IP     string `json:"ip,omitempty"`
}

// IssuingReach is what a key may mint.
type IssuingReach struct {
	Scopes     []string            `json:"scopes"`
	Workspaces []authz.WorkspaceID `json:"workspaces" doc:"Empty: every workspace."`
	ExpiresAt  string              `json:"expires_at,omitempty"`
}

// BlastRadius is what whoever holds a key can do, and what revoking it ends.
type BlastRadius struct {
	Key        Key           `json:"key"`
	Live       bool          `json:"live" doc:"Whether the key is good right now; what follows of a dead one is history."`
	Mints      *IssuingReach `json:"mints,omitempty" doc:"Absent: the key makes no other keys but its successor."`
	Grants     []KeyGrant    `json:"grants" doc:"What stands and ends with the key, the newest first, at most 100."`
	MoreGrants bool          `json:"more_grants"`
	Tokens     int           `json:"tokens_issued_last_day" doc:"On those grants, at most 10,000; none of them outlives the key."`
	MoreTokens bool          `json:"more_tokens"`
	MadeKeys   []MadeKey     `json:"keys_made" doc:"Keys that its service account made and that are not dead; they do not end with it. At most 100."`
	MoreKeys   bool          `json:"more_keys"`
	Successors []Successor   `json:"successors" doc:"Keys that replaced it and still stand; they do not end with it unless they are asked for."`
	Callers    []KeyCaller   `json:"callers" doc:"From where it was used since it was replaced."`
	Recent     []KeyEntry    `json:"recent" doc:"The latest audit entries about it, the newest first, at most 20."`
}

// Receipt says what a revocation ended. Revoking again gives the same one. It is
// effective on this node when it is answered, on every other within a second.
type Receipt struct {
	ID        string `json:"id" doc:"Of the audit entry."`
	RevokedAt string `json:"revoked_at"`
	RevokedBy string `json:"revoked_by"`
	Grants    int    `json:"grants_ended"`
	Tokens    int    `json:"tokens_issued_last_day" doc:"On the grants that ended, in the day before; all of them are inactive."`
	KeysMade  int    `json:"keys_made" doc:"Keys its service account made that stood then; they were not revoked with it."`
	PurgeAt   string `json:"purge_at"`
}

func (a *api) reachRoutes(h huma.API, path string) {
	register(a, h, http.MethodGet, path+"/{id}/blast-radius", "get-key-blast-radius",
		"What whoever holds an API key can do, what came of it, and what revoking it ends", http.StatusOK, a.keyReach)
}

func (a *api) keyReach(ctx context.Context, in *KeyPath) (*answer[BlastRadius], error) {
	r, err := a.cfg.Keys.Reach(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), authz.KeyID(in.ID))
	if err != nil {
		return nil, err
	}
	view := BlastRadius{
		Key: a.viewKey(r.Key), Live: r.Live, Grants: []KeyGrant{}, MoreGrants: r.MoreGrants, Tokens: r.Issued, MoreTokens: r.MoreIssued,
		MadeKeys: []MadeKey{}, MoreKeys: r.MoreMade, Successors: a.viewSuccessors(r.Successors), Callers: viewCallers(r.Callers), Recent: []KeyEntry{},
	}
	if d := r.Delegation; d != nil {
		view.Mints = &IssuingReach{Scopes: orEmpty(d.Scopes), Workspaces: append([]authz.WorkspaceID{}, d.Workspaces...), ExpiresAt: stamp(d.ExpiresAt)}
	}
	for _, g := range r.Grants {
		if g.Standing { // it has what the key has
			g.Scopes = r.Key.Scopes
		}
		view.Grants = append(view.Grants, KeyGrant{
			ID: string(g.ID), Type: g.Type, ClientID: string(g.ClientID), Exchanged: g.ParentID != "" || g.Type == authz.GrantTokenExchange,
			Scopes: orEmpty(g.Scopes), CreatedAt: stamp(g.CreatedAt), ExpiresAt: stamp(g.ExpiresAt),
		})
	}
	for _, k := range r.Made {
		view.MadeKeys = append(view.MadeKeys, MadeKey{
			ID: string(k.ID), Prefix: k.Prefix, WorkspaceID: string(k.WorkspaceID), Status: k.StatusAt(a.cfg.Clock.Now()), CreatedAt: stamp(k.CreatedAt),
		})
	}
	for _, e := range r.Recent {
		view.Recent = append(view.Recent, KeyEntry{
			Time: stamp(e.Time), Type: e.Type, Result: string(e.Result), Reason: e.Reason, Actor: e.Actor, IP: e.IP,
		})
	}
	return answered(view), nil
}

func viewCallers(list []authz.KeyCaller) []KeyCaller {
	view := make([]KeyCaller, len(list))
	for i, c := range list {
		view[i] = KeyCaller{IP: c.IP, FirstSeenAt: stamp(c.FirstAt), LastSeenAt: stamp(c.LastAt)}
	}
	return view
}

func viewReceipt(r *apikey.Receipt, key authz.APIKey) *Receipt {
	if r == nil {
		return nil
	}
	return &Receipt{
		ID: r.ID, RevokedAt: stamp(r.At), RevokedBy: r.By, Grants: r.Grants, Tokens: r.Tokens, KeysMade: r.Keys,
		PurgeAt: stamp(key.PurgeAt),
	}
}

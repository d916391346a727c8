package apikey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Mint creates a key and returns it with its text, which nobody will see
// again. A fault of the request is Invalid and names the member; a principal
// without a live issuing delegation is Forbidden, "issuing_delegation_required";
// a workspace that is not there, or not the principal's, is ErrNotFound.
func (k *Keys) Mint(ctx context.Context, by authz.Principal, from authz.Origin, r Request) (authz.APIKey, authz.Secret, error) {
	now := k.cfg.Clock.Now()
	r, err := k.normal(ctx, r, now)
	if err != nil {
		return authz.APIKey{}, "", err
	}
	if err := k.mayMint(by, r, now); err != nil {
		return authz.APIKey{}, "", err
	}
	if k.cfg.Creations != nil { // each costs a hash, and a row for good
		if err := k.cfg.Creations.Allow(string(r.WorkspaceID)); err != nil {
			return authz.APIKey{}, "", err
		}
	}
	if _, err := k.workspace(ctx, r.WorkspaceID); err != nil {
		return authz.APIKey{}, "", err
	}
	if err := k.brought(ctx, r.WorkspaceID, r.Delivery); err != nil {
		return authz.APIKey{}, "", err
	}
	if err := k.registered(ctx, r.WorkspaceID, authz.Resources{}, r.Resources); err != nil {
		return authz.APIKey{}, "", err
	}
	policy, err := k.policy(ctx, r.WorkspaceID)
	if err != nil {
		return authz.APIKey{}, "", err
	}
	draft, text, err := k.draft(ctx, by, r, now)
	if err != nil {
		return authz.APIKey{}, "", err
	}
	var key authz.APIKey
	err = k.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		settled, err := k.settle(ctx, by, draft, r)
		if err != nil {
			return err
		}
		key = settled
		return k.record(ctx, by, from, typeCreated, now, key)
	})
	if err != nil {
		return authz.APIKey{}, "", fmt.Errorf("minting an API key: %w", err)
	}
	return k.shown(key, policy), text, nil
}

// draft is the key but for what only the transaction knows. Hashing is done
// here, where no transaction waits for it.
func (k *Keys) draft(ctx context.Context, by authz.Principal, r Request, now time.Time) (authz.APIKey, authz.Secret, error) {
	text, parsed, err := draw(k.cfg.Prefix, r.Environment, k.cfg.TagKeys[0])
	if err != nil {
		return authz.APIKey{}, "", err
	}
	hash, err := k.cfg.Hasher.HashMachine(ctx, text)
	if err != nil {
		return authz.APIKey{}, "", fmt.Errorf("hashing an API key: %w", err)
	}
	key := k.blank(by, r, parsed.KeyID, now)
	key.Prefix, key.Last4, key.Hash = parsed.Shown(), text.Reveal()[len(text)-4:], hash
	return key, text, nil
}

// blank is a key before there is a secret.
func (k *Keys) blank(by authz.Principal, r Request, id authz.KeyID, now time.Time) authz.APIKey {
	key := authz.APIKey{
		ID: id, Issuer: k.cfg.Issuer, WorkspaceID: r.WorkspaceID, ServiceAccountID: r.ServiceAccountID,
		Environment: r.Environment, Name: r.Name,
		Scopes: r.Scopes, Resources: cloned(r.Resources), IPAllowlist: r.IPAllowlist, Tier: r.Tier,
		State: authz.Active, Revision: 1, CreatedAt: now, CreatedBy: by.Subject, ExpiresAt: r.ExpiresAt, Delivery: r.Delivery,
	}
	if key.ServiceAccountID == "" {
		key.ServiceAccountID = authz.NewServiceAccountID()
	}
	if r.Delegation != nil {
		key.Delegation = authz.NewDelegationID()
	}
	return scheduled(key, r.RotateEvery)
}

// settle writes the key and what it hangs on. It runs in the transaction and
// looks at the workspace again there: it may have been suspended meanwhile.
func (k *Keys) settle(ctx context.Context, by authz.Principal, key authz.APIKey, r Request) (authz.APIKey, error) {
	if key.WorkspaceID != "" {
		ws, err := k.workspace(ctx, key.WorkspaceID)
		if err != nil {
			return authz.APIKey{}, err
		}
		key.AccountID = ws.AccountID
		if key.Tier, err = k.tierIn(ws, by, r.Tier); err != nil {
			return authz.APIKey{}, err
		}
	}
	if err := k.serviceAccount(ctx, key, r.ServiceAccountID == ""); err != nil {
		return authz.APIKey{}, err
	}
	if d := r.Delegation; d != nil {
		err := k.cfg.Store.CreateDelegation(ctx, authz.Delegation{
			ID: key.Delegation, Issuer: key.Issuer, Workspaces: reach(key.WorkspaceID), Scopes: slices.Clone(d.Scopes),
			MadeBy: key.CreatedBy, CreatedAt: key.CreatedAt, ExpiresAt: whole(d.ExpiresAt),
		})
		if err != nil {
			return authz.APIKey{}, fmt.Errorf("creating its delegation: %w", err)
		}
	}
	return key, k.cfg.Store.CreateAPIKey(ctx, key)
}

// tierIn is the rate tier of a new key: the workspace's, or the issuer's default
// where that is none of the issuer's, unless the operator names another.
func (k *Keys) tierIn(ws authz.Workspace, by authz.Principal, named string) (string, error) {
	tier := ws.Tier
	if tier == "" || !k.validTier(tier) {
		tier = k.cfg.DefaultTier
	}
	switch {
	case named == "" || named == tier:
		return tier, nil
	case !by.Platform():
		return "", errOperator
	}
	return named, nil
}

// serviceAccount makes the key's service account, or checks the one named.
func (k *Keys) serviceAccount(ctx context.Context, key authz.APIKey, create bool) error {
	if create {
		return k.cfg.Store.CreateServiceAccount(ctx, authz.ServiceAccount{
			ID: key.ServiceAccountID, Issuer: key.Issuer, WorkspaceID: key.WorkspaceID, Name: key.Name, OwnerID: owner(key.CreatedBy),
			State: authz.Active, CreatedAt: key.CreatedAt,
		})
	}
	account, err := k.cfg.Store.GetServiceAccount(ctx, key.Issuer, key.WorkspaceID, key.ServiceAccountID)
	switch {
	case err != nil:
		return err
	case account.State == authz.Deleted:
		return authz.ErrNotFound
	case !account.State.Usable():
		return errServiceAccount
	}
	return nil
}

// brought checks that there is a destination; none is one.
func (k *Keys) brought(ctx context.Context, ws authz.WorkspaceID, to authz.DestinationID) error {
	if to == "" {
		return nil
	}
	var err error = authz.ErrNotFound
	if k.cfg.Deliveries != nil {
		err = k.cfg.Deliveries.Exists(ctx, ws, to)
	}
	if errors.Is(err, authz.ErrNotFound) {
		return invalid("rotation.delivery", `must be "claim" or the id of a key destination of the workspace`)
	}
	return err
}

// owner is the person who made a key, and so answers for its service account.
func owner(madeBy string) authz.UserID {
	if strings.HasPrefix(madeBy, "usr_") {
		return authz.UserID(madeBy)
	}
	return ""
}

// workspace reads a workspace that can hold keys: it and its account stand.
func (k *Keys) workspace(ctx context.Context, id authz.WorkspaceID) (authz.Workspace, error) {
	ws, err := k.cfg.Store.GetWorkspace(ctx, k.cfg.Issuer, id)
	if err != nil {
		return authz.Workspace{}, err
	}
	if ws.State == authz.Deleted {
		return authz.Workspace{}, authz.ErrNotFound
	}
	account, err := k.cfg.Store.Lineage(ctx, []authz.NodeRef{{Kind: authz.AccountNode, ID: string(ws.AccountID)}})
	if err != nil {
		return authz.Workspace{}, err
	}
	if !ws.State.Usable() || !account.Usable() {
		return authz.Workspace{}, errSuspended
	}
	return ws, nil
}

// reach is every workspace for the operator, and its own for any other key.
func reach(ws authz.WorkspaceID) []authz.WorkspaceID {
	if ws == "" {
		return nil
	}
	return []authz.WorkspaceID{ws}
}

// cloned copies; a list without items is nil.
func cloned(r authz.Resources) authz.Resources {
	list := func(ids []string) []string { return append([]string(nil), ids...) }
	return authz.Resources{Clusters: list(r.Clusters), CheckGroups: list(r.CheckGroups), AlertRoutes: list(r.AlertRoutes)}
}

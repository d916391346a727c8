package admin

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxOwned bounds the service accounts one person answers for, and the keys of
// one of them that end with its owner.
const maxOwned = 1000

// passOn gives the service accounts a leaver answers for to somebody else, or
// ends their keys, as the workspace decided; and says which for the audit.
func (a *Admin) passOn(ctx context.Context, by authz.Principal, m authz.Member, successor authz.UserID) (map[string]any, error) {
	ws, err := a.cfg.Store.GetWorkspace(ctx, a.cfg.Issuer, m.WorkspaceID)
	if err != nil {
		return nil, err
	}
	owned, err := a.cfg.Store.ServiceAccountsOf(ctx, a.cfg.Issuer, m.WorkspaceID, m.UserID, maxOwned)
	if err != nil || len(owned) == 0 {
		return map[string]any{}, err
	}
	if ws.Leaver == authz.EndKeys {
		ended, err := a.endKeys(ctx, by, "owner_left", owned)
		return map[string]any{"policy": authz.EndKeys, "service_accounts": len(owned), "keys_revoked": ended}, err
	}
	if successor == "" && person(by) != m.UserID {
		successor = person(by)
	}
	if successor == m.UserID {
		return nil, invalid("successor", "is who leaves.")
	}
	if successor != "" {
		if _, err := a.cfg.Store.GetMember(ctx, a.cfg.Issuer, m.WorkspaceID, successor); err != nil {
			return nil, notThere("successor", err)
		}
	}
	for _, account := range owned {
		account.OwnerID = successor // nobody, where a machine removes a member and names none
		if err := a.cfg.Store.UpdateServiceAccount(ctx, account); err != nil {
			return nil, err
		}
	}
	return map[string]any{"policy": authz.TransferKeys, "service_accounts": len(owned), "successor": successor}, nil
}

// endKeys revokes the keys of service accounts, each with its audit entry.
func (a *Admin) endKeys(ctx context.Context, by authz.Principal, reason string, accounts []authz.ServiceAccount) (int, error) {
	now, ended := a.cfg.Clock.Now(), 0
	for _, account := range accounts {
		keys, err := a.cfg.Store.KeysOfServiceAccount(ctx, a.cfg.Issuer, account.WorkspaceID, account.ID, maxOwned)
		if err != nil {
			return ended, err
		}
		for _, key := range keys {
			moved, err := a.cfg.Store.RevokeAPIKey(ctx, a.cfg.Issuer, key.WorkspaceID, key.ID, now, now.Add(a.cfg.Quarantine))
			if err != nil {
				return ended, err
			}
			if !moved {
				continue
			}
			ended++
			details := map[string]any{"prefix": key.Prefix, "service_account_id": account.ID, "reason": reason}
			if err := a.record(ctx, by, key.WorkspaceID, "api_key.revoked", string(key.ID), details); err != nil {
				return ended, err
			}
		}
	}
	return ended, nil
}

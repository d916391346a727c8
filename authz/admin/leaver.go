package admin

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// batch is how many service accounts of one person, or keys of one of them, are
// looked at together.
const batch = 500

// passOn gives the service accounts a leaver answers for to somebody else, or
// ends their keys, as the workspace decided; and says which for the audit.
func (a *Admin) passOn(ctx context.Context, by authz.Principal, m authz.Member, successor authz.UserID) (map[string]any, error) {
	ws, err := a.cfg.Store.GetWorkspace(ctx, a.cfg.Issuer, m.WorkspaceID)
	if err != nil {
		return nil, err
	}
	told := map[string]any{"policy": authz.EndKeys}
	if ws.Leaver != authz.EndKeys {
		if successor, err = a.successor(ctx, by, m, successor); err != nil {
			return nil, err
		}
		told = map[string]any{"policy": authz.TransferKeys, "successor": successor}
	}
	accounts, ended := 0, 0
	for {
		owned, err := a.cfg.Store.ServiceAccountsOf(ctx, a.cfg.Issuer, m.WorkspaceID, m.UserID, batch)
		if err != nil || len(owned) == 0 {
			told["service_accounts"], told["keys_revoked"] = accounts, ended
			return told, err
		}
		accounts += len(owned)
		for _, account := range owned {
			if ws.Leaver == authz.EndKeys {
				n, err := a.endKeys(ctx, by, "owner_left", account)
				if err != nil {
					return nil, err
				}
				ended += n
			}
			account.OwnerID = successor
			if err := a.cfg.Store.UpdateServiceAccount(ctx, account); err != nil {
				return nil, err
			}
		}
	}
}

// successor is who was named, or else whoever removes the member: nobody, where
// that is a machine or the member.
func (a *Admin) successor(ctx context.Context, by authz.Principal, m authz.Member, named authz.UserID) (authz.UserID, error) {
	if named == "" && person(by) != m.UserID {
		named = person(by)
	}
	if named == "" {
		return "", nil
	}
	if named == m.UserID {
		return "", invalid("successor", "is who leaves.")
	}
	_, err := a.cfg.Store.GetMember(ctx, a.cfg.Issuer, m.WorkspaceID, named)
	return named, notThere("successor", err)
}

// endKeys revokes the keys of a service account, each with its audit entry, and
// says how many.
func (a *Admin) endKeys(ctx context.Context, by authz.Principal, reason string, account authz.ServiceAccount) (int, error) {
	now, ended := a.cfg.Clock.Now(), 0
	for {
		keys, err := a.cfg.Store.KeysOfServiceAccount(ctx, a.cfg.Issuer, account.WorkspaceID, account.ID, batch)
		if err != nil || len(keys) == 0 {
			return ended, err
		}
		for _, key := range keys {
			if _, err := a.cfg.Store.RevokeAPIKey(ctx, a.cfg.Issuer, key.WorkspaceID, key.ID, now, now.Add(a.cfg.Quarantine)); err != nil {
				return ended, err
			}
			ended++
			details := map[string]any{"prefix": key.Prefix, "service_account_id": account.ID, "reason": reason}
			if err := a.record(ctx, by, key.WorkspaceID, "api_key.revoked", string(key.ID), details); err != nil {
				return ended, err
			}
		}
	}
}

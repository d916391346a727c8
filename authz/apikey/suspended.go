package apikey

import (
	"context"
	"errors"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Suspended returns the key of a text that would be live were its workspace or
// account not suspended, as a credential to show to whoever may see it; nil for
// any other text. It does not hash: that the tag is right is proof enough to
// say no to somebody.
func (k *Keys) Suspended(ctx context.Context, text authz.Secret) (*authz.Credential, error) {
	t, err := Parse(text)
	if err != nil || t.Brand != k.cfg.Prefix || !t.Tagged(k.cfg.TagKeys) {
		return nil, nil //nolint:nilnil,nilerr // nothing is suspended, and nothing is wrong
	}
	key, lineage, err := k.cfg.Store.GetAPIKeyAcrossWorkspaces(ctx, k.cfg.Issuer, t.KeyID)
	if errors.Is(err, authz.ErrNotFound) {
		return nil, nil //nolint:nilnil // as above
	}
	if err != nil {
		return nil, undecided(err)
	}
	suspended := false
	for _, node := range lineage {
		suspended = suspended || node.State == authz.Suspended
		if !node.State.Usable() && node.State != authz.Suspended {
			return nil, nil //nolint:nilnil // it is dead for another reason
		}
	}
	if !suspended || key.Environment != t.Environment || !key.UsableAt(k.cfg.Clock.Now()) {
		return nil, nil //nolint:nilnil // as above
	}
	known, err := k.cfg.Scopes(ctx)
	if err != nil {
		return nil, undecided(err)
	}
	return credentialOf(known, key, lineage, "", nil), nil
}

package connection

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// KeyStep is a step from one key of ours at a provider of SAML to the next. The
// provider's administrator acts between them: they take our metadata over while
// both keys are in it.
type KeyStep string

// The steps.
const (
	// KeyPublish makes the next key and publishes it beside the one in use; what
	// is encrypted to either is read.
	KeyPublish KeyStep = "publish"
	// KeyUse signs with the next key; the old one stays published and is read.
	KeyUse KeyStep = "use"
	// KeyRetire forgets the key that is not in use.
	KeyRetire KeyStep = "retire"
)

// RollSAMLKey takes a step.
func (s *Connections) RollSAMLKey(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID, step KeyStep) (MetadataState, error) {
	c, _, err := s.known(ctx, by, ws, id)
	if err != nil {
		return MetadataState{}, err
	}
	if c.SAMLKey, err = s.cfg.Upstreams.RollSAMLKey(c, step); err != nil {
		return MetadataState{}, err
	}
	c.UpdatedAt = s.cfg.Clock.Now()
	if c, err = s.write(ctx, by, c, c.State, "connection.saml_key_"+string(step), nil); err != nil {
		return MetadataState{}, err
	}
	return s.Metadata(ctx, by, ws, id)
}

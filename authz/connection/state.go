package connection

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Checked is what a look at one side of a connection brought.
type Checked struct {
	Side authz.Side
	Found
	// Problem says in plain words why the upstream cannot be used; empty when it
	// can.
	Problem string
	// TestURL is a link for a test sign-in; empty when there is a problem.
	TestURL string
}

// Check looks at the upstream of every side the connection has. A draft of
// which all can be used becomes one to test.
func (s *Connections) Check(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID) (authz.Connection, []Checked, error) {
	c, err := s.Get(ctx, by, ws, id)
	if err != nil {
		return c, nil, err
	}
	var all []Checked
	good := true
	for _, side := range sides(c) {
		one := Checked{Side: side}
		if one.Found, err = s.cfg.Upstreams.Look(ctx, c, side); err != nil {
			one.Problem, good = err.Error(), false
		} else if one.TestURL, err = s.cfg.Upstreams.TestURL(c, side, by.Subject); err != nil {
			return c, nil, err
		}
		all = append(all, one)
	}
	if c.State == authz.Draft && good && len(all) > 0 {
		c.State = authz.Testing
		if c, err = s.write(ctx, by, c, authz.Draft, "connection.testing", nil); err != nil {
			return c, nil, err
		}
		for n := range all { // the links are of this revision
			if all[n].TestURL, err = s.cfg.Upstreams.TestURL(c, all[n].Side, by.Subject); err != nil {
				return c, nil, err
			}
		}
	}
	return c, all, nil
}

// Activate puts a connection into use: after a test sign-in by each side, which
// told the same name of the person where both sides are to know them as one.
func (s *Connections) Activate(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID) (authz.Connection, error) {
	c, err := s.Get(ctx, by, ws, id)
	if err != nil {
		return c, err
	}
	switch {
	case c.State == authz.Active:
		return c, nil
	case !tested(c):
		return c, authz.NewError(authz.Conflict, "not_tested", "Every side of the connection needs a test sign-in that went well since it was changed.")
	case !c.Linked():
		return c, authz.NewError(authz.Conflict, "link_differs", "The test sign-ins told no name alike: sign in as the same person by both sides, or change link_key.")
	}
	if c.State == authz.Disabled {
		err = s.revive(ctx, by, &c)
		return c, err
	}
	from := c.State
	c.State = authz.Active
	return s.write(ctx, by, c, from, "connection.activated", nil)
}

func (s *Connections) revive(ctx context.Context, by authz.Principal, c *authz.Connection) error {
	return s.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		moved, err := s.cfg.Store.ReviveNode(ctx, s.cfg.Issuer, c.WorkspaceID, ref(*c), authz.Active)
		if err != nil {
			return err
		}
		if !moved {
			return authz.ErrStale
		}
		c.State = authz.Active
		return s.record(ctx, by, *c, "connection.activated", nil)
	})
}

// Disable takes a connection out of use, and ends every session and token of
// it; Activate takes it back, not them.
func (s *Connections) Disable(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID) (authz.Connection, error) {
	return s.end(ctx, by, ws, id, authz.Disabled, "connection.disabled")
}

// Delete ends a connection for good, frees its domains, and takes what its
// groups gave.
func (s *Connections) Delete(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID) error {
	if err := may(by, ws); err != nil {
		return err
	}
	return s.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := s.cfg.Gifts.WithdrawGroups(ctx, by, ws, id); err != nil {
			return err
		}
		_, err := s.end(ctx, by, ws, id, authz.Deleted, "connection.deleted")
		return err
	})
}

func (s *Connections) end(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID, to authz.State, typ string) (authz.Connection, error) {
	c, err := s.Get(ctx, by, ws, id)
	if err != nil {
		return c, err
	}
	err = s.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		moved, err := s.cfg.Store.KillNode(ctx, s.cfg.Issuer, ws, ref(c), to)
		if err != nil || !moved {
			return err
		}
		c.State = to
		return s.record(ctx, by, c, typ, nil)
	})
	return c, err
}

func ref(c authz.Connection) authz.NodeRef {
	return authz.NodeRef{Kind: authz.ConnectionNode, ID: string(c.ID)}
}

func sides(c authz.Connection) []authz.Side {
	var all []authz.Side
	for _, side := range []authz.Side{authz.OIDCSide, authz.SAMLSide} {
		if c.Has(side) {
			all = append(all, side)
		}
	}
	return all
}

// tested reports whether every side was tried as it is.
func tested(c authz.Connection) bool {
	for _, side := range sides(c) {
		if _, ok := c.Tested[side]; !ok {
			return false
		}
	}
	return len(sides(c)) > 0
}

package storage

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// KillNode puts a node into a state that nothing below it survives and raises
// its epoch, in one conditional write. moved is false when there is no such
// node here, or it is in that state already, or in one that is final. The
// states are those the kind of node can take; keys are revoked by
// RevokeAPIKey, which also says when their row goes.
func (s *Store) KillNode(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, ref authz.NodeRef, to authz.State) (moved bool, err error) {
	if !slices.Contains(deadStates(ref.Kind), to) {
		return false, fmt.Errorf("storage: a node of kind %q cannot become %q", ref.Kind, to)
	}
	err = s.InTx(ctx, func(ctx context.Context) error {
		row, err := s.node(ctx, issuer, ws, ref)
		if err != nil {
			return err
		}
		done := row.Where("state <> ? AND state NOT IN ('revoked', 'deleted')", to).
			UpdateColumns(map[string]any{"state": to, "epoch": gorm.Expr("epoch + 1")})
		if moved = done.RowsAffected == 1; done.Error != nil || !moved {
			return failure(ctx, "killing a node", done.Error)
		}
		if ref.Kind == authz.ConnectionNode && to == authz.Deleted {
			if err := s.freeDomains(ctx, issuer, authz.ConnectionID(ref.ID)); err != nil {
				return err
			}
		}
		if err := s.revokeExchangedBelow(ctx, issuer, ref); err != nil {
			return err
		}
		return s.TouchNode(ctx, ref)
	})
	return moved && err == nil, err
}

// revokeExchangedBelow ends the exchanged grants that hang on the node by
// their parent alone; of every other node they have the epoch themselves.
func (s *Store) revokeExchangedBelow(ctx context.Context, issuer authz.IssuerName, ref authz.NodeRef) error {
	switch ref.Kind {
	case authz.GrantNode:
		return s.revokeExchangedFromGrant(ctx, issuer, authz.GrantID(ref.ID))
	case authz.ClientNode:
		return s.revokeExchangedFromClient(ctx, issuer, rowID(ref))
	}
	return nil
}

func deadStates(kind authz.NodeKind) []authz.State {
	switch kind {
	case authz.AccountNode, authz.WorkspaceNode:
		return []authz.State{authz.Suspended, authz.Deleted}
	case authz.ConnectionNode, authz.UserNode, authz.ServiceAccountNode, authz.ClientNode:
		return []authz.State{authz.Disabled, authz.Deleted}
	case authz.APIKeyNode:
		return []authz.State{authz.Disabled}
	case authz.SessionNode, authz.GrantNode:
		return []authz.State{authz.Revoked}
	}
	return nil
}

// ReviveNode takes a suspended or disabled node back into a usable state. The
// epoch stays where the kill put it: what was issued before stays dead. moved
// is false when the node is not there or not suspended or disabled.
func (s *Store) ReviveNode(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, ref authz.NodeRef, to authz.State) (moved bool, err error) {
	if !to.Usable() || to == authz.Grace && ref.Kind != authz.APIKeyNode {
		return false, fmt.Errorf("storage: a node of kind %q cannot be revived as %q", ref.Kind, to)
	}
	err = s.InTx(ctx, func(ctx context.Context) error {
		row, err := s.node(ctx, issuer, ws, ref)
		if err != nil {
			return err
		}
		done := row.Where("state IN ('suspended', 'disabled')").UpdateColumns(map[string]any{"state": to})
		if moved = done.RowsAffected == 1; done.Error != nil || !moved {
			return failure(ctx, "reviving a node", done.Error)
		}
		return s.TouchNode(ctx, ref)
	})
	return moved && err == nil, err
}

const insertNodeEvent = `INSERT INTO node_events (kind, id, at) VALUES (?, ?, ?)`

// TouchNode tells every process that what it remembers of the node is old. It
// changes nothing else.
func (s *Store) TouchNode(ctx context.Context, ref authz.NodeRef) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		t := s.transaction(ctx)
		if err := t.db.Exec(insertNodeEvent, ref.Kind, ref.ID, s.clock.Now()).Error; err != nil {
			return failure(ctx, "recording that a node moved", err)
		}
		t.moved = append(t.moved, ref)
		return nil
	})
}

package storage

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type grantRow struct {
	ID               authz.GrantID
	Issuer           authz.IssuerName
	WorkspaceID      authz.WorkspaceID
	AccountID        authz.AccountID
	ClientID         authz.ClientID
	Subject          string
	Type             string
	Standing         bool
	UserID           authz.UserID
	ServiceAccountID authz.ServiceAccountID
	SessionID        authz.SessionID
	ConnectionID     authz.ConnectionID
	KeyID            authz.KeyID
	ParentID         authz.GrantID
	ParentToken      digest
	Environment      authz.Environment
	Scopes           list[string]
	Audience         list[string]
	Resources        text[authz.Resources]
	Details          raw
	Claims           raw
	Actor            raw
	SID              authz.SessionID `gorm:"column:sid"`
	AuthTime         sql.NullTime
	ACR              string       `gorm:"column:acr"`
	AMR              list[string] `gorm:"column:amr"`
	Fallback         authz.FallbackReason
	SignIn           text[authz.SignIn]
	Nonce            string
	Lineage          int64
	State            authz.State
	Epoch            int64
	CreatedAt        time.Time
	ExpiresAt        sql.NullTime
}

// TableName is the row's table.
func (grantRow) TableName() string { return "grants" }

func (grantRow) insertedLater() string { return creatingGrant }

const creatingGrant = "creating a grant"

func rowOfGrant(g authz.Grant) *grantRow {
	return &grantRow{
		ID: g.ID, Issuer: g.Issuer, WorkspaceID: g.WorkspaceID, AccountID: g.AccountID, ClientID: g.ClientID,
		Subject: g.Subject, Type: g.Type, Standing: g.Standing, UserID: g.UserID, ServiceAccountID: g.ServiceAccountID,
		SessionID: g.SessionID, ConnectionID: g.ConnectionID, KeyID: g.KeyID, ParentID: g.ParentID,
		ParentToken: g.ParentToken, Environment: g.Environment, Scopes: asText(g.Scopes), Audience: asText(g.Audience),
		Resources: asText(g.Resources), Details: raw(g.Details), Claims: raw(g.Claims), Actor: raw(g.Actor), SID: g.SID,
		AuthTime: optional(g.AuthTime), ACR: g.ACR, AMR: asText(g.AMR), SignIn: asText(g.SignIn), Fallback: g.Fallback, Nonce: g.Nonce, Lineage: g.Lineage,
		State: g.State, CreatedAt: utc(g.CreatedAt), ExpiresAt: optional(g.ExpiresAt),
	}
}

func (r grantRow) grant() authz.Grant {
	return authz.Grant{
		ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, AccountID: r.AccountID, ClientID: r.ClientID,
		Subject: r.Subject, Type: r.Type, Standing: r.Standing, UserID: r.UserID, ServiceAccountID: r.ServiceAccountID,
		SessionID: r.SessionID, ConnectionID: r.ConnectionID, KeyID: r.KeyID, ParentID: r.ParentID,
		ParentToken: r.ParentToken, Environment: r.Environment, Scopes: r.Scopes.V, Audience: r.Audience.V,
		Resources: r.Resources.V, Details: r.Details.json(), Claims: r.Claims.json(), Actor: r.Actor.json(), SID: r.SID,
		AuthTime: instant(r.AuthTime), ACR: r.ACR, AMR: r.AMR.V, SignIn: r.SignIn.V, Fallback: r.Fallback, Nonce: r.Nonce, Lineage: r.Lineage,
		State: r.State, CreatedAt: r.CreatedAt.UTC(), ExpiresAt: instant(r.ExpiresAt),
	}
}

// CreateGrant stores a new grant; ErrConflict when its id is taken.
func (s *Store) CreateGrant(ctx context.Context, g authz.Grant) error {
	return failure(ctx, creatingGrant, s.writer(ctx).Create(rowOfGrant(g)).Error)
}

// StandingGrant returns the active standing grant of g's issuer, client, key,
// environment and lineage, creating it as g when there is none yet. Many may
// ask at once and get the same one.
func (s *Store) StandingGrant(ctx context.Context, g authz.Grant) (authz.Grant, error) {
	g.Standing, g.State = true, authz.Active
	for range 3 {
		found, err := s.findStandingGrant(ctx, g)
		if !errors.Is(err, authz.ErrNotFound) {
			return found, err
		}
		done := s.writer(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(rowOfGrant(g))
		if done.Error != nil {
			return authz.Grant{}, failure(ctx, "creating a standing grant", done.Error)
		}
		if done.RowsAffected == 1 {
			return rowOfGrant(g).grant(), nil
		}
		// Another was first: theirs is found, unless it was revoked meanwhile.
	}
	return authz.Grant{}, failure(ctx, "creating a standing grant", authz.ErrConflict)
}

func (s *Store) findStandingGrant(ctx context.Context, g authz.Grant) (authz.Grant, error) {
	var r grantRow
	err := s.reader(ctx).Where("standing AND state = 'active'").
		Where("issuer = ? AND client_id = ? AND key_id = ? AND environment = ? AND lineage = ?",
			g.Issuer, g.ClientID, g.KeyID, g.Environment, g.Lineage).Take(&r).Error
	if err != nil {
		return authz.Grant{}, failure(ctx, "finding a standing grant", err)
	}
	return r.grant(), nil
}

// RevokeGrant ends a grant and with it every code and token of the family, and
// the grants that were exchanged from it. moved is false when there is no such
// grant or it had ended.
func (s *Store) RevokeGrant(ctx context.Context, issuer authz.IssuerName, id authz.GrantID) (moved bool, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Model(&grantRow{}).Where("id = ? AND issuer = ? AND state = 'active'", id, issuer).
			UpdateColumns(map[string]any{"state": authz.Revoked, "epoch": gorm.Expr("epoch + 1")})
		if moved = done.RowsAffected == 1; done.Error != nil || !moved {
			return failure(ctx, "revoking a grant", done.Error)
		}
		if err := s.TouchNode(ctx, authz.NodeRef{Kind: authz.GrantNode, ID: string(id)}); err != nil {
			return err
		}
		return s.revokeExchangedFromGrant(ctx, issuer, id)
	})
	return moved && err == nil, err
}

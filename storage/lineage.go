package storage

import (
	"context"
	"database/sql"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// The columns and joins that bring a grant with all its ancestors. Ancestors
// are looked up within the grant's issuer; one that is not there counts as
// deleted. For a key's grant the service account stands in the client's place.
//
// An issuer with an empty text appended is that issuer, and no condition of an index:
// PostgreSQL believes of a table it has not counted yet that an issuer narrows it
// as an id does, and would read all that the issuer has. It is appended to on the
// side that leaves no condition on g alone, which would be read through first.
const (
	grantColumns = `
	g.id, g.issuer, g.workspace_id, g.account_id, g.client_id, g.subject, g.type, g.standing, g.user_id,
	g.service_account_id, g.session_id, g.connection_id, g.key_id, g.parent_id, g.parent_token, g.details, g.claims,
	g.actor, g.environment, g.scopes, g.audience, g.resources, g.sid, g.auth_time, g.acr, g.amr, g.sign_in, g.fallback, g.nonce,
	g.lineage, g.state, g.epoch, g.created_at, g.expires_at,
	ga.state, ga.epoch, gw.state, gw.epoch, gc.state, gc.epoch, gu.state, gu.epoch, gsa.state, gsa.epoch,
	gcl.state, gcl.epoch, gk.state, gk.epoch, gk.tier, gk.ip_allowlist, gs.state, gs.epoch, gsa.bounds, gm.bounds`

	ancestorJoins = `
	LEFT JOIN accounts ga ON ga.id = g.account_id AND ga.issuer || '' = g.issuer
	LEFT JOIN workspaces gw ON gw.id = g.workspace_id AND gw.issuer || '' = g.issuer
	LEFT JOIN connections gc ON gc.id = g.connection_id AND gc.issuer || '' = g.issuer
	LEFT JOIN users gu ON gu.id = g.user_id AND gu.issuer || '' = g.issuer
	LEFT JOIN service_accounts gsa ON gsa.id = g.service_account_id AND gsa.issuer || '' = g.issuer
	LEFT JOIN clients gcl ON gcl.id = g.client_id AND gcl.issuer || '' = g.issuer
	LEFT JOIN api_keys gk ON gk.id = g.key_id AND gk.issuer || '' = g.issuer
	LEFT JOIN sessions gs ON gs.id = g.session_id AND gs.issuer || '' = g.issuer
	LEFT JOIN members gm ON gm.issuer = g.issuer AND gm.workspace_id = g.workspace_id AND gm.user_id = g.user_id`

	grantJoin = ` JOIN grants g ON g.id = t.grant_id AND g.issuer = t.issuer || ''` + ancestorJoins
)

// family is a grant as it comes out of those joins.
type family struct {
	Grant          grantRow
	Account        ancestor
	Workspace      ancestor
	Connection     ancestor
	User           ancestor
	ServiceAccount ancestor
	Client         ancestor
	Key            ancestor
	Session        ancestor
	KeyTier        sql.NullString
	KeyAllowlist   list[string]
	AccountBounds  text[*authz.Bounds]
	MemberBounds   text[*authz.Bounds]
}

// columns are where the columns of grantColumns go, in their order.
func (f *family) columns() []any {
	g := &f.Grant
	return []any{
		&g.ID, &g.Issuer, &g.WorkspaceID, &g.AccountID, &g.ClientID, &g.Subject, &g.Type, &g.Standing, &g.UserID,
		&g.ServiceAccountID, &g.SessionID, &g.ConnectionID, &g.KeyID, &g.ParentID, &g.ParentToken, &g.Details, &g.Claims,
		&g.Actor, &g.Environment, &g.Scopes, &g.Audience, &g.Resources, &g.SID, &g.AuthTime, &g.ACR, &g.AMR, &g.SignIn, &g.Fallback, &g.Nonce,
		&g.Lineage, &g.State, &g.Epoch, &g.CreatedAt, &g.ExpiresAt,
		&f.Account.State, &f.Account.Epoch, &f.Workspace.State, &f.Workspace.Epoch, &f.Connection.State, &f.Connection.Epoch,
		&f.User.State, &f.User.Epoch, &f.ServiceAccount.State, &f.ServiceAccount.Epoch, &f.Client.State, &f.Client.Epoch,
		&f.Key.State, &f.Key.Epoch, &f.KeyTier, &f.KeyAllowlist, &f.Session.State, &f.Session.Epoch,
		&f.AccountBounds, &f.MemberBounds,
	}
}

// grant is the grant with what its key and its subject's roles say of it today.
func (f *family) grant() authz.Grant {
	g := f.Grant.grant()
	g.Tier, g.IPAllowlist, g.Bounds = f.KeyTier.String, f.KeyAllowlist.V, f.AccountBounds.V
	if g.UserID != "" {
		g.Bounds = f.MemberBounds.V
	}
	return g
}

// lineage lists the ancestors in the order of authz.Grant.Refs.
func (f *family) lineage(g authz.Grant) authz.Lineage {
	refs := g.Refs()
	lineage := make(authz.Lineage, 0, len(refs))
	for _, ref := range refs {
		lineage = f.ancestor(ref.Kind).appendNode(lineage, ref.Kind, ref.ID)
	}
	return lineage
}

func (f *family) ancestor(kind authz.NodeKind) ancestor {
	switch kind {
	case authz.AccountNode:
		return f.Account
	case authz.WorkspaceNode:
		return f.Workspace
	case authz.ConnectionNode:
		return f.Connection
	case authz.UserNode:
		return f.User
	case authz.ServiceAccountNode:
		return f.ServiceAccount
	case authz.ClientNode:
		return f.Client
	case authz.APIKeyNode:
		return f.Key
	case authz.SessionNode:
		return f.Session
	}
	return ancestor{}
}

const grantWithLineage = `SELECT` + grantColumns + ` FROM grants g` + ancestorJoins + ` WHERE g.id = ? AND g.issuer || '' = ?`

// GetGrantAcrossWorkspaces returns a grant in any state with its ancestors in
// the order of its Refs, or ErrNotFound.
func (s *Store) GetGrantAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.GrantID) (authz.Grant, authz.Lineage, error) {
	var r family
	if err := s.queryRow(ctx, grantWithLineage, id, issuer).Scan(r.columns()...); err != nil {
		return authz.Grant{}, nil, failure(ctx, "reading a grant", err)
	}
	g := r.grant()
	return g, r.lineage(g), nil
}

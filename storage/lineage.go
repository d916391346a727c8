package storage

import (
	"context"
	"database/sql"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// The columns and joins that bring a grant with all its ancestors. Ancestors
// are looked up within the grant's issuer; one that is not there counts as
// deleted. For a key's grant the service account stands in the client's place.
const (
	grantColumns = `
	g.id AS g_id, g.issuer AS g_issuer, g.workspace_id AS g_workspace_id, g.account_id AS g_account_id,
	g.client_id AS g_client_id, g.subject AS g_subject, g.type AS g_type, g.standing AS g_standing,
	g.user_id AS g_user_id, g.service_account_id AS g_service_account_id, g.session_id AS g_session_id,
	g.connection_id AS g_connection_id, g.key_id AS g_key_id, g.parent_id AS g_parent_id,
	g.parent_token AS g_parent_token, g.details AS g_details, g.claims AS g_claims, g.actor AS g_actor, g.environment AS g_environment, g.scopes AS g_scopes,
	g.audience AS g_audience, g.resources AS g_resources, g.sid AS g_sid, g.auth_time AS g_auth_time, g.acr AS g_acr,
	g.amr AS g_amr, g.nonce AS g_nonce, g.lineage AS g_lineage, g.state AS g_state, g.epoch AS g_epoch,
	g.created_at AS g_created_at, g.expires_at AS g_expires_at,
	ga.state AS account_state, ga.epoch AS account_epoch, gw.state AS workspace_state, gw.epoch AS workspace_epoch,
	gc.state AS connection_state, gc.epoch AS connection_epoch, gu.state AS user_state, gu.epoch AS user_epoch,
	gsa.state AS service_account_state, gsa.epoch AS service_account_epoch,
	gcl.state AS client_state, gcl.epoch AS client_epoch, gk.state AS key_state, gk.epoch AS key_epoch, gk.tier AS key_tier,
	gs.state AS session_state, gs.epoch AS session_epoch`

	ancestorJoins = `
	LEFT JOIN accounts ga ON ga.id = g.account_id AND ga.issuer = g.issuer
	LEFT JOIN workspaces gw ON gw.id = g.workspace_id AND gw.issuer = g.issuer
	LEFT JOIN connections gc ON gc.id = g.connection_id AND gc.issuer = g.issuer
	LEFT JOIN users gu ON gu.id = g.user_id AND gu.issuer = g.issuer
	LEFT JOIN service_accounts gsa ON gsa.id = g.service_account_id AND gsa.issuer = g.issuer
	LEFT JOIN clients gcl ON gcl.id = g.client_id AND gcl.issuer = g.issuer
	LEFT JOIN api_keys gk ON gk.id = g.key_id AND gk.issuer = g.issuer
	LEFT JOIN sessions gs ON gs.id = g.session_id AND gs.issuer = g.issuer`

	grantJoin = ` JOIN grants g ON g.id = t.grant_id AND g.issuer = t.issuer` + ancestorJoins
)

// family is a grant as it comes out of those joins.
type family struct {
	Grant          grantRow `gorm:"embedded;embeddedPrefix:g_"`
	Account        ancestor `gorm:"embedded;embeddedPrefix:account_"`
	Workspace      ancestor `gorm:"embedded;embeddedPrefix:workspace_"`
	Connection     ancestor `gorm:"embedded;embeddedPrefix:connection_"`
	User           ancestor `gorm:"embedded;embeddedPrefix:user_"`
	ServiceAccount ancestor `gorm:"embedded;embeddedPrefix:service_account_"`
	Client         ancestor `gorm:"embedded;embeddedPrefix:client_"`
	Key            ancestor `gorm:"embedded;embeddedPrefix:key_"`
	Session        ancestor `gorm:"embedded;embeddedPrefix:session_"`
	KeyTier        sql.NullString
}

// grant is the grant with what its key says of it today.
func (f *family) grant() authz.Grant {
	g := f.Grant.grant()
	g.Tier = f.KeyTier.String
	return g
}

// lineage lists the ancestors in the order of authz.Grant.Refs.
func (f *family) lineage(g authz.Grant) authz.Lineage {
	byKind := map[authz.NodeKind]ancestor{
		authz.AccountNode: f.Account, authz.WorkspaceNode: f.Workspace, authz.ConnectionNode: f.Connection,
		authz.UserNode: f.User, authz.ServiceAccountNode: f.ServiceAccount, authz.ClientNode: f.Client,
		authz.APIKeyNode: f.Key, authz.SessionNode: f.Session,
	}
	refs := g.Refs()
	lineage := make(authz.Lineage, 0, len(refs))
	for _, ref := range refs {
		lineage = byKind[ref.Kind].appendNode(lineage, ref.Kind, ref.ID)
	}
	return lineage
}

const grantWithLineage = `SELECT` + grantColumns + ` FROM grants g` + ancestorJoins + ` WHERE g.id = ? AND g.issuer = ?`

// GetGrantAcrossWorkspaces returns a grant in any state with its ancestors in
// the order of its Refs, or ErrNotFound.
func (s *Store) GetGrantAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.GrantID) (authz.Grant, authz.Lineage, error) {
	var r family
	found := s.reader(ctx).Raw(grantWithLineage, id, issuer).Scan(&r)
	if err := changed(ctx, "reading a grant", found, authz.ErrNotFound); err != nil {
		return authz.Grant{}, nil, err
	}
	g := r.grant()
	return g, r.lineage(g), nil
}

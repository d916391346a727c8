package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// The nodes of each kind, up to how their ids are compared.
const (
	fromAccounts        = `SELECT 'account' AS kind, issuer, id, state, epoch FROM accounts WHERE id `
	fromWorkspaces      = `SELECT 'workspace' AS kind, issuer, id, state, epoch FROM workspaces WHERE id `
	fromConnections     = `SELECT 'connection' AS kind, issuer, id, state, epoch FROM connections WHERE id `
	fromUsers           = `SELECT 'user' AS kind, issuer, id, state, epoch FROM users WHERE id `
	fromServiceAccounts = `SELECT 'service_account' AS kind, issuer, id, state, epoch FROM service_accounts WHERE id `
	fromClients         = `SELECT 'client' AS kind, issuer, id, state, epoch FROM clients WHERE id `
	fromAPIKeys         = `SELECT 'api_key' AS kind, issuer, id, state, epoch FROM api_keys WHERE id `
	fromSessions        = `SELECT 'session' AS kind, issuer, id, state, epoch FROM sessions WHERE id `
	fromGrants          = `SELECT 'grant' AS kind, issuer, id, state, epoch FROM grants WHERE id `
)

// lineageOf finds nodes of every kind in one statement; a kind nobody asks for
// costs a lookup of NULL.
const lineageOf = fromAccounts + `IN ? UNION ALL ` +
	fromWorkspaces + `IN ? UNION ALL ` +
	fromConnections + `IN ? UNION ALL ` +
	fromUsers + `IN ? UNION ALL ` +
	fromServiceAccounts + `IN ? UNION ALL ` +
	fromClients + `IN ? UNION ALL ` +
	fromAPIKeys + `IN ? UNION ALL ` +
	fromSessions + `IN ? UNION ALL ` +
	fromGrants + `IN ?`

// maxRefs bounds what Lineage is asked at once.
const maxRefs = 500

// Lineage returns the nodes as they stand, in the order asked for. A node that
// does not exist is in state deleted.
func (s *Store) Lineage(ctx context.Context, refs []authz.NodeRef) (authz.Lineage, error) {
	if len(refs) > maxRefs {
		return nil, fmt.Errorf("storage: a lineage of %d nodes; at most %d", len(refs), maxRefs)
	}
	found, err := s.nodes(ctx, refs)
	if err != nil {
		return nil, failure(ctx, "reading a lineage", err)
	}
	byRef := make(map[authz.NodeRef]authz.Node, len(found))
	for _, n := range found {
		ref := authz.NodeRef{Kind: n.Kind, ID: n.ID}
		if ref.Kind == authz.ClientNode {
			ref = authz.ClientRef(n.Issuer, authz.ClientID(n.ID))
		}
		byRef[ref] = authz.Node{NodeRef: ref, State: n.State, Epoch: n.Epoch}
	}
	lineage := make(authz.Lineage, len(refs))
	for i, ref := range refs {
		n, ok := byRef[ref]
		if !ok {
			n = authz.Node{NodeRef: ref, State: authz.Deleted}
		}
		lineage[i] = n
	}
	return lineage, nil
}

// fewRefs is how many nodes are looked up one by one in a statement of their
// own: as many as a grant has ancestors.
const fewRefs = 9

// nodes reads the nodes that are there, in any order.
func (s *Store) nodes(ctx context.Context, refs []authz.NodeRef) ([]nodeRow, error) {
	if query, args, ok := nodeByNode(refs); ok {
		return s.queryNodes(ctx, query, args)
	}
	ids := map[authz.NodeKind][]string{}
	for _, ref := range refs {
		ids[ref.Kind] = append(ids[ref.Kind], rowID(ref))
	}
	var found []nodeRow
	err := s.reader(ctx).Raw(lineageOf,
		ids[authz.AccountNode], ids[authz.WorkspaceNode], ids[authz.ConnectionNode], ids[authz.UserNode],
		ids[authz.ServiceAccountNode], ids[authz.ClientNode], ids[authz.APIKeyNode], ids[authz.SessionNode],
		ids[authz.GrantNode]).Scan(&found).Error
	return found, err
}

// nodeByNode is a statement made of constants alone, one look for each node.
func nodeByNode(refs []authz.NodeRef) (query string, args []any, ok bool) {
	if len(refs) == 0 || len(refs) > fewRefs {
		return "", nil, false
	}
	var b strings.Builder
	for n, ref := range refs {
		from, known := nodesFrom[ref.Kind]
		if !known {
			return "", nil, false
		}
		if n > 0 {
			b.WriteString(" UNION ALL ")
		}
		b.WriteString(from)
		b.WriteString("= ?")
		args = append(args, rowID(ref))
	}
	return b.String(), args, true
}

var nodesFrom = map[authz.NodeKind]string{
	authz.AccountNode:        fromAccounts,
	authz.WorkspaceNode:      fromWorkspaces,
	authz.ConnectionNode:     fromConnections,
	authz.UserNode:           fromUsers,
	authz.ServiceAccountNode: fromServiceAccounts,
	authz.ClientNode:         fromClients,
	authz.APIKeyNode:         fromAPIKeys,
	authz.SessionNode:        fromSessions,
	authz.GrantNode:          fromGrants,
}

func (s *Store) queryNodes(ctx context.Context, query string, args []any) (found []nodeRow, err error) {
	rows, err := s.queryRows(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var n nodeRow
		if err := rows.Scan(&n.Kind, &n.Issuer, &n.ID, &n.State, &n.Epoch); err != nil {
			return nil, err
		}
		found = append(found, n)
	}
	return found, rows.Err()
}

type nodeRow struct {
	Kind   authz.NodeKind
	Issuer authz.IssuerName
	ID     string
	State  authz.State
	Epoch  int64
}

// rowID is the id a node's row has: a client_id that is a URL stands behind its
// issuer's name in the node's (authz.ClientRef).
func rowID(ref authz.NodeRef) string {
	if _, url, ok := strings.Cut(ref.ID, " "); ok && ref.Kind == authz.ClientNode {
		return url
	}
	return ref.ID
}

// ancestor is a node joined to what hangs below it; NULL where there is none.
type ancestor struct {
	State sql.NullString
	Epoch sql.NullInt64
}

// appendNode adds the ancestor to the lineage, unless it has no id: then
// there is no such ancestor.
func (a ancestor) appendNode(l authz.Lineage, kind authz.NodeKind, id string) authz.Lineage {
	if id == "" {
		return l
	}
	n := authz.Node{NodeRef: authz.NodeRef{Kind: kind, ID: id}, State: authz.Deleted}
	if a.State.Valid {
		n.State, n.Epoch = authz.State(a.State.String), a.Epoch.Int64
	}
	return append(l, n)
}

// node returns the one row of ref in the issuer and workspace. Accounts hang
// above workspaces; a person belongs to those they are a member of, and to the
// operator, who names none.
func (s *Store) node(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, ref authz.NodeRef) (*gorm.DB, error) {
	db := s.writer(ctx).Where("id = ? AND issuer = ?", rowID(ref), issuer)
	switch ref.Kind {
	case authz.AccountNode:
		return db.Model(&accountRow{}), nil
	case authz.WorkspaceNode:
		return db.Model(&workspaceRow{}).Where("id = ?", ws), nil
	case authz.UserNode:
		db = db.Model(&userRow{})
		if ws == "" {
			return db, nil
		}
		return db.Where("EXISTS (SELECT 1 FROM members m WHERE m.issuer = users.issuer AND m.workspace_id = ? AND m.user_id = users.id)", ws), nil
	case authz.ConnectionNode:
		db = db.Model(&connectionRow{})
	case authz.ServiceAccountNode:
		db = db.Model(&serviceAccountRow{})
	case authz.ClientNode:
		db = db.Model(&clientRow{})
	case authz.APIKeyNode:
		db = db.Model(&apiKeyRow{})
	case authz.SessionNode:
		db = db.Model(&sessionRow{})
	case authz.GrantNode:
		db = db.Model(&grantRow{})
	default:
		return nil, fmt.Errorf("storage: %q is no kind of node that has an epoch", ref.Kind)
	}
	return db.Where("workspace_id = ?", ws), nil
}

package storagetest

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func testTenants(e *env) {
	x := e.tenant()
	account, err := e.GetAccount(e.ctx, e.issuer, x.account.ID)
	e.must(err)
	e.same(account, x.account)
	workspace, err := e.GetWorkspace(e.ctx, e.issuer, x.workspace.ID)
	e.must(err)
	e.same(workspace, x.workspace)
	e.is(e.CreateAccount(e.ctx, x.account), authz.ErrConflict)
	e.is(e.CreateWorkspace(e.ctx, x.workspace), authz.ErrConflict)

	later := e.now.Add(time.Minute)
	e.must(e.UpdateWorkspaceName(e.ctx, e.issuer, x.workspace.ID, "Staging", later))
	workspace, err = e.GetWorkspace(e.ctx, e.issuer, x.workspace.ID)
	e.must(err)
	x.workspace.Name, x.workspace.UpdatedAt = "Staging", later
	e.same(workspace, x.workspace)
	e.is(e.UpdateWorkspaceName(e.ctx, e.issuer, "ws_none", "x", later), authz.ErrNotFound)

	service, err := e.GetServiceAccount(e.ctx, e.issuer, x.workspace.ID, x.service.ID)
	e.must(err)
	e.same(service, x.service)
	service, err = e.GetServiceAccountAcrossWorkspaces(e.ctx, e.issuer, x.service.ID)
	e.must(err)
	e.same(service, x.service)

	d := authz.Delegation{
		ID: authz.NewDelegationID(), Issuer: e.issuer, Workspaces: []authz.WorkspaceID{x.workspace.ID}, Scopes: []string{"*"},
		MadeBy: "usr_1", CreatedAt: e.now, ExpiresAt: later,
	}
	forever := authz.Delegation{ID: authz.NewDelegationID(), Issuer: e.issuer, Scopes: []string{"*"}, CreatedAt: e.now}
	for _, want := range []authz.Delegation{d, forever} {
		e.must(e.CreateDelegation(e.ctx, want))
		got, err := e.GetDelegation(e.ctx, e.issuer, want.ID)
		e.must(err)
		e.same(got, want)
	}
}

func testPages(e *env) {
	var want []authz.Workspace
	for i := range 7 {
		at := e.now.Add(time.Duration(i/3) * time.Second) // several in one moment
		w := authz.Workspace{ID: authz.NewWorkspaceID(), Issuer: e.issuer, AccountID: "acc_1", Name: "w", State: authz.Active, CreatedAt: at, UpdatedAt: at}
		e.must(e.CreateWorkspace(e.ctx, w))
		if i == 4 {
			ref := authz.NodeRef{Kind: authz.WorkspaceNode, ID: string(w.ID)}
			e.moved(e.KillNode(e.ctx, e.issuer, w.ID, ref, authz.Deleted))
			continue
		}
		want = append(want, w)
	}
	seen := map[authz.WorkspaceID]bool{}
	var last authz.Workspace
	for page := (authz.Page{Limit: 2}); ; {
		rows, err := e.ListWorkspacesAcrossWorkspaces(e.ctx, e.issuer, page)
		e.must(err)
		if len(rows) == 0 {
			break
		}
		for _, w := range rows {
			if seen[w.ID] || w.CreatedAt.Before(last.CreatedAt) {
				e.Fatalf("%s came twice or out of order", w.ID)
			}
			seen[w.ID], last = true, w
		}
		page.After = authz.Position{CreatedAt: last.CreatedAt, ID: string(last.ID)}
	}
	if len(seen) != len(want) {
		e.Fatalf("%d workspaces were listed, want %d", len(seen), len(want))
	}
	clients, err := e.ListClients(e.ctx, e.issuer, want[0].ID, authz.Page{})
	e.must(err)
	if len(clients) != 0 {
		e.Fatal("an empty workspace lists clients")
	}
}

// testIsolation asks for everything of one tenant as another and as another issuer.
func testIsolation(e *env) { //nolint:funlen // one story, told in order
	x, other := e.tenant(), e.tenant()
	foreign := other.workspace.ID
	g := e.granted(e.personal(x))
	code, token, refresh := e.code(g), e.accessToken(g), e.refreshToken(g)

	none := func(_ any, err error) { e.Helper(); e.is(err, authz.ErrNotFound) }
	none(e.GetClient(e.ctx, e.issuer, foreign, x.client.ID))
	none(e.GetAPIKey(e.ctx, e.issuer, foreign, x.key.ID))
	none(e.GetServiceAccount(e.ctx, e.issuer, foreign, x.service.ID))
	none(e.GetSession(e.ctx, e.issuer, foreign, x.session.ID))
	none(e.GetMember(e.ctx, e.issuer, foreign, x.user.ID))
	e.still(e.RevokeAPIKey(e.ctx, e.issuer, foreign, x.key.ID, e.now, e.now))
	e.still(e.RemoveMember(e.ctx, e.issuer, foreign, x.user.ID))
	stolen := x.client
	stolen.WorkspaceID = foreign
	e.is(e.UpdateClient(e.ctx, stolen), authz.ErrStale)
	taken := x.connection
	taken.WorkspaceID = foreign
	e.is(e.PutConnection(e.ctx, taken), authz.ErrConflict)
	for ref, to := range x.nodes(g) {
		if ref.Kind == authz.AccountNode {
			continue // above workspaces
		}
		e.still(e.KillNode(e.ctx, e.issuer, foreign, ref, to))
	}

	elsewhere := authz.IssuerName("elsewhere")
	none(e.GetAccount(e.ctx, elsewhere, x.account.ID))
	none(e.GetWorkspace(e.ctx, elsewhere, x.workspace.ID))
	none(e.GetUserAcrossWorkspaces(e.ctx, elsewhere, x.user.ID))
	_, _, _, err := e.UserByUpstream(e.ctx, elsewhere, x.workspace.ID, x.connection.ID, authz.OIDCSide, x.identity.Subject)
	e.is(err, authz.ErrNotFound)
	_, err = e.SessionAncestors(e.ctx, elsewhere, x.workspace.ID, x.connection.ID, x.user.ID)
	e.is(err, authz.ErrNotFound)
	none(e.GetConnectionAcrossWorkspaces(e.ctx, elsewhere, x.connection.ID))
	none(e.ConnectionByDomainAcrossWorkspaces(e.ctx, elsewhere, x.connection.Domains[0]))
	none(e.GetClientAcrossWorkspaces(e.ctx, elsewhere, x.client.ID))
	none(e.GetServiceAccountAcrossWorkspaces(e.ctx, elsewhere, x.service.ID))
	_, _, err = e.GetAPIKeyAcrossWorkspaces(e.ctx, elsewhere, x.key.ID)
	e.is(err, authz.ErrNotFound)
	_, _, err = e.SessionByDigestAcrossWorkspaces(e.ctx, elsewhere, x.session.Digest)
	e.is(err, authz.ErrNotFound)
	_, _, err = e.GetGrantAcrossWorkspaces(e.ctx, elsewhere, g.ID)
	e.is(err, authz.ErrNotFound)
	_, _, _, err = e.GetAuthorizationCode(e.ctx, elsewhere, code.Digest)
	e.is(err, authz.ErrNotFound)
	_, _, _, err = e.GetAccessToken(e.ctx, elsewhere, token.Digest)
	e.is(err, authz.ErrNotFound)
	_, _, _, err = e.GetRefreshToken(e.ctx, elsewhere, refresh.Digest)
	e.is(err, authz.ErrNotFound)
	e.is(e.ConsumeAuthorizationCode(e.ctx, elsewhere, code.Digest, authz.Used), authz.ErrConsumed)
	e.is(e.ConsumeRefreshToken(e.ctx, elsewhere, refresh.Digest, randomDigest(), nil, e.now), authz.ErrConsumed)
	e.still(e.RevokeGrant(e.ctx, elsewhere, g.ID))
	e.still(e.RevokeAccessToken(e.ctx, elsewhere, token.Digest))
	for ref, to := range x.nodes(g) {
		e.still(e.KillNode(e.ctx, elsewhere, x.workspace.ID, ref, to))
	}
	orphan := token
	orphan.Digest, orphan.Issuer = randomDigest(), elsewhere
	e.is(e.CreateAccessToken(e.ctx, orphan), authz.ErrNotFound)

	_, after, lineage, err := e.GetAccessToken(e.ctx, e.issuer, token.Digest)
	e.must(err)
	if !live(after, lineage) {
		e.Fatal("a stranger ended the token")
	}
}

// nodes are the grant's ancestors and itself, each with a state that ends it.
func (x tenant) nodes(g authz.Grant) map[authz.NodeRef]authz.State {
	nodes := map[authz.NodeRef]authz.State{}
	for _, ref := range append(g.Refs(), authz.NodeRef{Kind: authz.GrantNode, ID: string(g.ID)}) {
		switch ref.Kind {
		case authz.AccountNode, authz.WorkspaceNode:
			nodes[ref] = authz.Suspended
		case authz.SessionNode, authz.GrantNode:
			nodes[ref] = authz.Revoked
		default:
			nodes[ref] = authz.Disabled
		}
	}
	return nodes
}

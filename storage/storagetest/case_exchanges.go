package storagetest

import (
	"context"
	"sync"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// chain is a token, one exchanged from it by another client, and one that was
// exchanged from that by a third.
type chain struct {
	tenant
	parent, child, grandchild authz.Grant
	subject, middle, leaf     authz.AccessToken
	second, third             authz.Client
}

func (e *env) chain() chain {
	e.Helper()
	c := chain{tenant: e.tenant()}
	c.second, c.third = e.client(c.workspace.ID), e.client(c.workspace.ID)
	e.must(e.CreateClient(e.ctx, c.second, nil))
	e.must(e.CreateClient(e.ctx, c.third, nil))
	c.parent = e.granted(e.personal(c.tenant))
	c.subject = e.accessToken(c.parent)
	c.child = e.exchanged(e.by(c.second, c.tenant), c.subject)
	c.middle = e.accessToken(c.child)
	c.grandchild = e.exchanged(e.by(c.third, c.tenant), c.middle)
	c.leaf = e.accessToken(c.grandchild)
	return c
}

// by is a person's grant to the client.
func (e *env) by(client authz.Client, t tenant) authz.Grant {
	g := e.personal(t)
	g.ClientID, g.Type = client.ID, authz.GrantTokenExchange
	return g
}

// testExchanged holds the tokens of RFC 8693 to the graph: they end with the
// token they came of, with its grant, and with everything that hangs on.
func testExchanged(e *env) {
	kills := map[string]func(chain){
		"the token":          func(c chain) { e.moved(e.RevokeAccessToken(e.ctx, e.issuer, c.subject.Digest)) },
		"the grant":          func(c chain) { e.moved(e.RevokeGrant(e.ctx, e.issuer, c.parent.ID)) },
		"the grant, as node": func(c chain) { e.kills(c, authz.GrantNode, string(c.parent.ID), authz.Revoked) },
		"the first client":   func(c chain) { e.kills(c, authz.ClientNode, string(c.client.ID), authz.Disabled) },
		"the second client":  func(c chain) { e.kills(c, authz.ClientNode, string(c.second.ID), authz.Deleted) },
		"the third client":   func(c chain) { e.kills(c, authz.ClientNode, string(c.third.ID), authz.Disabled) },
		"the session":        func(c chain) { e.kills(c, authz.SessionNode, string(c.session.ID), authz.Revoked) },
		"the person":         func(c chain) { e.kills(c, authz.UserNode, string(c.user.ID), authz.Disabled) },
		"the connection":     func(c chain) { e.kills(c, authz.ConnectionNode, string(c.connection.ID), authz.Deleted) },
		"the workspace":      func(c chain) { e.kills(c, authz.WorkspaceNode, string(c.workspace.ID), authz.Suspended) },
		"the account":        func(c chain) { e.kills(c, authz.AccountNode, string(c.account.ID), authz.Suspended) },
		"the membership":     func(c chain) { e.moved(e.RemoveMember(e.ctx, e.issuer, c.workspace.ID, c.user.ID)) },
	}
	for what, kill := range kills {
		c := e.chain()
		sibling := e.accessToken(c.parent)
		e.still(e.RevokeAccessToken(e.ctx, "elsewhere", c.subject.Digest))
		e.moved(e.RevokeAccessToken(e.ctx, e.issuer, sibling.Digest))
		e.leafLives(c, "with the sibling of the first token revoked", true)
		kill(c)
		e.leafLives(c, "without "+what, false)
		if what == "the third client" { // the others stand
			continue
		}
		late := e.by(c.third, c.tenant)
		late.ParentID, late.ParentToken = c.child.ID, c.middle.Digest
		e.is(e.CreateExchangedGrant(e.ctx, late), authz.ErrNotFound)
	}
}

func (e *env) kills(c chain, kind authz.NodeKind, id string, to authz.State) {
	e.Helper()
	e.moved(e.KillNode(e.ctx, e.issuer, c.workspace.ID, authz.NodeRef{Kind: kind, ID: id}, to))
}

func (e *env) leafLives(c chain, what string, want bool) {
	e.Helper()
	_, g, lineage, err := e.GetAccessToken(e.ctx, e.issuer, c.leaf.Digest)
	e.must(err)
	if g.ID != c.grandchild.ID || live(g, lineage) != want {
		e.Fatalf("the last of the chain, %s: live %t", what, !want)
	}
}

// exchanged stores a grant that came of a token.
func (e *env) exchanged(g authz.Grant, from authz.AccessToken) authz.Grant {
	e.Helper()
	lineage, err := e.Lineage(e.ctx, g.Refs())
	e.must(err)
	g.Lineage, g.ParentID, g.ParentToken = lineage.Sum(), from.GrantID, from.Digest
	e.must(e.CreateExchangedGrant(e.ctx, g))
	return g
}

// testExchangedFromDocument does the same for a client whose id is an address:
// its node has another name than its row.
func testExchangedFromDocument(e *env) {
	x := e.tenant()
	doc := e.client("")
	doc.ID = authz.ClientID("https://" + authz.NewID("app") + ".example/client.json")
	e.must(e.CreateClient(e.ctx, doc, nil))
	child := e.exchanged(e.by(x.client, x), e.accessToken(e.granted(e.by(doc, x))))
	got, lineage, err := e.GetGrantAcrossWorkspaces(e.ctx, e.issuer, child.ID)
	e.must(err)
	if !live(got, lineage) {
		e.Fatal("the exchanged grant does not live")
	}
	e.moved(e.KillNode(e.ctx, e.issuer, "", authz.ClientRef(e.issuer, doc.ID), authz.Disabled))
	got, lineage, err = e.GetGrantAcrossWorkspaces(e.ctx, e.issuer, child.ID)
	e.must(err)
	if live(got, lineage) {
		e.Fatal("an exchanged grant outlived the client of the token it came of")
	}
}

// testExchangeChain bounds how much one revocation has to end.
func testExchangeChain(e *env) {
	x := e.tenant()
	from := e.accessToken(e.granted(e.personal(x)))
	for range 4 {
		from = e.accessToken(e.exchanged(e.personal(x), from))
	}
	g := e.personal(x)
	g.ParentID, g.ParentToken = from.GrantID, from.Digest
	e.is(e.CreateExchangedGrant(e.ctx, g), authz.ErrConflict)
}

// testRevivedParent holds what a kill ended, and a revival did not bring back,
// to be no parent: the new grant would have the epochs from after it.
func testRevivedParent(e *env) {
	c := e.chain()
	for _, node := range []authz.NodeRef{
		{Kind: authz.ClientNode, ID: string(c.client.ID)}, {Kind: authz.UserNode, ID: string(c.user.ID)},
	} {
		e.moved(e.KillNode(e.ctx, e.issuer, c.workspace.ID, node, authz.Disabled))
		e.moved(e.ReviveNode(e.ctx, e.issuer, c.workspace.ID, node, authz.Active))
	}
	late := e.by(c.second, c.tenant)
	lineage, err := e.Lineage(e.ctx, late.Refs())
	e.must(err)
	late.Lineage, late.ParentID, late.ParentToken = lineage.Sum(), c.parent.ID, c.subject.Digest
	e.is(e.CreateExchangedGrant(e.ctx, late), authz.ErrNotFound)
}

// testExchangeUnderway removes a member while a token of theirs is being
// exchanged: the removal waits for the parent, and must then see what came of it.
func testExchangeUnderway(e *env) {
	c := e.chain()
	late := e.by(c.second, c.tenant)
	late.SessionID = "" // as with offline_access: the end of the session is not enough
	lineage, err := e.Lineage(e.ctx, late.Refs())
	e.must(err)
	late.Lineage, late.ParentID, late.ParentToken = lineage.Sum(), c.parent.ID, c.subject.Digest
	var removal sync.WaitGroup
	begun := sync.OnceFunc(func() { // a transaction may be run again
		removal.Go(func() { e.moved(e.RemoveMember(e.ctx, e.issuer, c.workspace.ID, c.user.ID)) })
	})
	e.must(e.InTx(e.ctx, func(ctx context.Context) error {
		if err := e.CreateExchangedGrant(ctx, late); err != nil {
			return err
		}
		begun()
		for range 100 { // meanwhile the removal comes as far as it can
			if _, _, err := e.GetGrantAcrossWorkspaces(ctx, e.issuer, c.parent.ID); err != nil {
				return err
			}
		}
		return nil
	}))
	removal.Wait()
	got, lineage, err := e.GetGrantAcrossWorkspaces(e.ctx, e.issuer, late.ID)
	e.must(err)
	if live(got, lineage) {
		e.Fatal("a grant outlived the membership it was exchanged under")
	}
}

// testExchangeRace lets a token be exchanged while what it hangs on is killed:
// whoever is first, nothing that came of it lives.
func testExchangeRace(e *env) {
	for round := range 12 {
		c := e.chain()
		kill := []func() (bool, error){
			func() (bool, error) { return e.RevokeAccessToken(e.ctx, e.issuer, c.subject.Digest) },
			func() (bool, error) { return e.RevokeGrant(e.ctx, e.issuer, c.parent.ID) },
			func() (bool, error) {
				return e.KillNode(e.ctx, e.issuer, c.workspace.ID, authz.NodeRef{Kind: authz.ClientNode, ID: string(c.client.ID)}, authz.Disabled)
			},
			func() (bool, error) { return e.RemoveMember(e.ctx, e.issuer, c.workspace.ID, c.user.ID) },
		}[round%4]
		late := make([]authz.Grant, 4)
		var group sync.WaitGroup
		for n := range late {
			late[n] = e.by(c.second, c.tenant)
			lineage, err := e.Lineage(e.ctx, late[n].Refs())
			e.must(err)
			late[n].Lineage, late[n].ParentID, late[n].ParentToken = lineage.Sum(), c.parent.ID, c.subject.Digest
			group.Go(func() {
				if err := e.CreateExchangedGrant(e.ctx, late[n]); err != nil && !isError(err, authz.ErrNotFound) {
					e.Error(err)
				}
			})
		}
		group.Go(func() {
			if moved, err := kill(); err != nil || !moved {
				e.Errorf("round %d: moved %t, %v", round, moved, err)
			}
		})
		group.Wait()
		for _, g := range late {
			got, lineage, err := e.GetGrantAcrossWorkspaces(e.ctx, e.issuer, g.ID)
			if err == nil && live(got, lineage) {
				e.Errorf("round %d: a grant outlived what it was exchanged from", round)
			}
		}
	}
}

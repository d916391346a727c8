package storagetest

import (
	"math/rand/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func testFinalStates(e *env) {
	x := e.tenant()
	ref := authz.NodeRef{Kind: authz.WorkspaceNode, ID: string(x.workspace.ID)}
	e.moved(e.KillNode(e.ctx, e.issuer, x.workspace.ID, ref, authz.Suspended))
	e.still(e.KillNode(e.ctx, e.issuer, x.workspace.ID, ref, authz.Suspended))
	e.moved(e.ReviveNode(e.ctx, e.issuer, x.workspace.ID, ref, authz.Active))
	e.still(e.ReviveNode(e.ctx, e.issuer, x.workspace.ID, ref, authz.Active))
	e.moved(e.KillNode(e.ctx, e.issuer, x.workspace.ID, ref, authz.Deleted))
	e.still(e.KillNode(e.ctx, e.issuer, x.workspace.ID, ref, authz.Suspended))
	e.still(e.ReviveNode(e.ctx, e.issuer, x.workspace.ID, ref, authz.Active))
	lineage, err := e.Lineage(e.ctx, []authz.NodeRef{ref, {Kind: authz.UserNode, ID: "usr_none"}, {Kind: "nonsense", ID: "x"}})
	e.must(err)
	e.same(lineage, authz.Lineage{
		{NodeRef: ref, State: authz.Deleted, Epoch: 2},
		{NodeRef: authz.NodeRef{Kind: authz.UserNode, ID: "usr_none"}, State: authz.Deleted},
		{NodeRef: authz.NodeRef{Kind: "nonsense", ID: "x"}, State: authz.Deleted},
	})
	key := authz.NodeRef{Kind: authz.APIKeyNode, ID: string(x.key.ID)}
	for _, wrong := range []struct {
		ref authz.NodeRef
		to  authz.State
	}{
		{ref, authz.Active}, {ref, authz.Revoked}, {key, authz.Revoked}, {authz.NodeRef{Kind: authz.AccessTokenNode}, authz.Revoked},
	} {
		if _, err := e.KillNode(e.ctx, e.issuer, x.workspace.ID, wrong.ref, wrong.to); err == nil {
			e.Fatalf("a %s became %s", wrong.ref.Kind, wrong.to)
		}
	}
	if _, err := e.ReviveNode(e.ctx, e.issuer, x.workspace.ID, ref, authz.Suspended); err == nil {
		e.Fatal("a workspace was revived as suspended")
	}
}

// testKillProperty kills random nodes of random graphs. A token is live as
// long as nothing was killed that its grant hangs on, and never after.
func testKillProperty(e *env) {
	for range rounds() {
		seed := rand.Uint64()
		e.killRandomly(rand.New(rand.NewPCG(seed, 0)), seed)
	}
}

func (e *env) killRandomly(random *rand.Rand, seed uint64) {
	e.Helper()
	x := e.tenant()
	type issued struct {
		token  authz.AccessToken
		code   authz.AuthorizationCode
		grant  authz.Grant
		killed bool
	}
	var all []*issued
	nodes := map[authz.NodeRef]authz.State{}
	for range 4 {
		g := e.machine(x)
		g.Standing = false
		if random.IntN(2) == 0 {
			g = e.personal(x)
			if random.IntN(2) == 0 {
				g.SessionID = ""
			}
			if random.IntN(2) == 0 {
				other := e.client(x.workspace.ID)
				e.must(e.CreateClient(e.ctx, other, nil))
				g.ClientID = other.ID
			}
		}
		g = e.granted(g)
		all = append(all, &issued{token: e.accessToken(g), code: e.code(g), grant: g})
		for ref, to := range x.nodes(g) {
			nodes[ref] = to
		}
	}
	order := make([]authz.NodeRef, 0, len(nodes))
	for ref := range nodes {
		order = append(order, ref)
	}
	random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	for _, ref := range order[:1+random.IntN(len(order))] {
		e.moved(e.KillNode(e.ctx, e.issuer, x.workspace.ID, ref, nodes[ref]))
		if random.IntN(2) == 0 && nodes[ref] != authz.Revoked {
			e.moved(e.ReviveNode(e.ctx, e.issuer, x.workspace.ID, ref, authz.Active))
		}
		for _, i := range all {
			for _, on := range append(i.grant.Refs(), authz.NodeRef{Kind: authz.GrantNode, ID: string(i.grant.ID)}) {
				i.killed = i.killed || on == ref
			}
			_, g, lineage, err := e.GetAccessToken(e.ctx, e.issuer, i.token.Digest)
			e.must(err)
			_, g2, lineage2, err := e.GetAuthorizationCode(e.ctx, e.issuer, i.code.Digest)
			e.must(err)
			if live(g, lineage) == i.killed || live(g2, lineage2) == i.killed {
				e.Fatalf("seed %d: after killing %v, killed is %v and live is %v", seed, ref, i.killed, live(g, lineage))
			}
		}
	}
}

func testRevive(e *env) {
	x := e.tenant()
	before := e.granted(e.personal(x))
	token := e.accessToken(before)
	ref := authz.NodeRef{Kind: authz.WorkspaceNode, ID: string(x.workspace.ID)}
	e.moved(e.KillNode(e.ctx, e.issuer, x.workspace.ID, ref, authz.Suspended))
	e.moved(e.ReviveNode(e.ctx, e.issuer, x.workspace.ID, ref, authz.Active))
	_, g, lineage, err := e.GetAccessToken(e.ctx, e.issuer, token.Digest)
	e.must(err)
	if !lineage.Usable() || live(g, lineage) {
		e.Fatal("a token of before the suspension lives again")
	}
	after := e.granted(e.personal(x))
	_, g, lineage, err = e.GetAccessToken(e.ctx, e.issuer, e.accessToken(after).Digest)
	e.must(err)
	if !live(g, lineage) {
		e.Fatal("a token of after the suspension is not live")
	}
}

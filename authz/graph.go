package authz

// State is the condition of a node of the graph.
type State string

// The states. Which of them a kind of node can take is said with the kind.
const (
	Active    State = "active"
	Suspended State = "suspended" // account, workspace: reversible
	Disabled  State = "disabled"  // client, user, key, connection: reversible
	Grace     State = "grace"     // API key: replaced, still valid for a while
	Revoked   State = "revoked"   // final
	Deleted   State = "deleted"   // final
	Draft     State = "draft"     // connection: being set up
	Testing   State = "testing"   // connection: tried by administrators
)

// Usable reports whether what hangs below a node in this state may live.
func (s State) Usable() bool { return s == Active || s == Grace }

// NodeKind names what a node of the graph is.
type NodeKind string

// The kinds of node. Codes and tokens are leaves: they have a state of their
// own and hang below a grant.
const (
	AccountNode        NodeKind = "account"
	WorkspaceNode      NodeKind = "workspace"
	ConnectionNode     NodeKind = "connection"
	UserNode           NodeKind = "user"
	ServiceAccountNode NodeKind = "service_account"
	ClientNode         NodeKind = "client"
	APIKeyNode         NodeKind = "api_key"
	SessionNode        NodeKind = "session"
	GrantNode          NodeKind = "grant"
	// AccessTokenNode is a single access token; its id is the base64url text
	// of its digest. It has no epoch: it is revoked or not.
	AccessTokenNode NodeKind = "access_token"
	// PolicyNode is a workspace's rules of conditional access (PolicyRef).
	PolicyNode NodeKind = "policy"
	// ScopesNode are the scopes of an issuer (ScopesRef).
	ScopesNode NodeKind = "scopes"
	// EverythingNode is every node at once (EverythingRef).
	EverythingNode NodeKind = "everything"
)

// NodeRef points at a node. Ids are unique over all issuers.
type NodeRef struct {
	Kind NodeKind
	ID   string
}

// Node is what the graph knows of one thing. Its epoch only ever grows.
type Node struct {
	NodeRef
	State State
	Epoch int64
}

// Lineage is the set of a grant's or key's ancestors as they stand.
type Lineage []Node

// Sum adds up the epochs. As epochs only grow and a grant's ancestors never
// change, two sums of one grant are equal exactly when no epoch has moved.
func (l Lineage) Sum() int64 {
	var sum int64
	for _, n := range l {
		sum += n.Epoch
	}
	return sum
}

// Usable reports whether every ancestor is in a usable state.
func (l Lineage) Usable() bool {
	for _, n := range l {
		if !n.State.Usable() {
			return false
		}
	}
	return true
}

// Epoch is that of the node of a kind, of which a lineage has one; zero without.
func (l Lineage) Epoch(kind NodeKind) int64 {
	for _, n := range l {
		if n.Kind == kind {
			return n.Epoch
		}
	}
	return 0
}

// Refs lists the nodes without their states.
func (l Lineage) Refs() []NodeRef {
	refs := make([]NodeRef, len(l))
	for i, n := range l {
		refs[i] = n.NodeRef
	}
	return refs
}

package credential

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"hash"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Clients is what Callers reads of the store.
type Clients interface {
	GetClientAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.ClientID) (authz.Client, error)
	ListClientSecrets(ctx context.Context, issuer authz.IssuerName, id authz.ClientID, now time.Time) ([]authz.ClientSecret, error)
	Lineage(ctx context.Context, refs []authz.NodeRef) (authz.Lineage, error)
	GetWorkspace(ctx context.Context, issuer authz.IssuerName, id authz.WorkspaceID) (authz.Workspace, error)
}

// Hasher verifies what was hashed with Argon2id (authz/secret).
type Hasher interface {
	VerifyMachine(ctx context.Context, stored string, text authz.Secret) (match, rehash bool, err error)
	// Dummy costs what a verification costs, and fails where one would.
	Dummy(ctx context.Context, text authz.Secret) error
}

// CallersConfig is what Callers needs; all fields are required but Size and Guesses.
type CallersConfig struct {
	Issuer  authz.IssuerName
	Clients Clients
	Hasher  Hasher
	Clock   authz.Clock
	Epochs  *Epochs
	Lease   *Lease
	// Size bounds the verified clients kept; 0 means 20,000.
	Size int
	// Guesses bounds, by client id and address, how many wrong secrets are
	// looked at; nil bounds nothing. A right one is refunded.
	Guesses interface {
		Allow(key string) error
		Refund(key string)
	}
}

// Callers authenticates clients by their secret (RFC 6749 section 2.3.1).
// Argon2id runs on a secret's first sight; after that a MAC under a key of
// this process stands for it, for as long as no epoch of the client moves.
type Callers struct {
	cfg      CallersConfig
	macs     sync.Pool
	verified *cache[*verifiedClient]
	found    *cache[*verifiedClient]
	flights  *flights[*verifiedClient]
}

type verifiedClient struct {
	client  authz.Client
	account authz.AccountID
	endsAt  time.Time
	stamp   stamp
	stamped bool
}

// AuthenticatedClient is a client that proved who it is, or a public client
// that cannot. Only Callers makes one. The client may be remembered and is not
// to be changed; it is a pointer as it is handed on for every request.
type AuthenticatedClient struct {
	*authz.Client
	AccountID authz.AccountID
	proven    bool
}

// Proven reports whether the client authenticated; a public client never does.
func (c AuthenticatedClient) Proven() bool { return c.proven }

// NewCallers returns Callers that know nobody yet.
func NewCallers(cfg CallersConfig) (*Callers, error) {
	if cfg.Issuer == "" || cfg.Clients == nil || cfg.Hasher == nil || cfg.Clock == nil || cfg.Epochs == nil || cfg.Lease == nil {
		return nil, errors.New("credential: every field of CallersConfig but Size and Guesses is required")
	}
	if cfg.Size == 0 {
		cfg.Size = 20_000
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails since Go 1.24
	return &Callers{
		cfg:      cfg,
		macs:     sync.Pool{New: func() any { return &pairMAC{hash: hmac.New(sha256.New, key)} }},
		verified: newCache[*verifiedClient](cfg.Size),
		found:    newCache[*verifiedClient](cfg.Size),
		flights:  newFlights[*verifiedClient](),
	}, nil
}

// The longest id and secret looked at, in bytes.
const maxID, maxSecret = 128, 1024

// errClient is the one answer to an unknown client and to a wrong secret.
var errClient = authz.NewError(authz.Unauthenticated, "invalid_client", "Client authentication failed.")

// Secret authenticates a confidential client by id and secret.
func (c *Callers) Secret(ctx context.Context, id authz.ClientID, secret authz.Secret) (AuthenticatedClient, error) {
	v, err := c.secret(ctx, id, secret)
	return v.caller(), err
}

// Basic authenticates a confidential client by an Authorization header, which
// read takes apart unless this very one was right before.
func (c *Callers) Basic(ctx context.Context, header string, read func(string) (id, secret string, ok bool)) (AuthenticatedClient, error) {
	var key [32]byte
	short := len(header) <= maxSecret // or it is not remembered
	if short {
		key = c.mac("", header) // no client's id is empty
		if v, ok := c.remembered(c.verified, key); ok {
			return v.caller(), nil
		}
	}
	id, secret, ok := read(header)
	if !ok {
		return AuthenticatedClient{}, errClient
	}
	v, err := c.secret(ctx, authz.ClientID(id), authz.Secret(secret))
	if err == nil && v.stamped && short {
		c.verified.put(key, v)
	}
	return v.caller(), err
}

func (c *Callers) secret(ctx context.Context, id authz.ClientID, secret authz.Secret) (*verifiedClient, error) {
	if id == "" || secret == "" || len(id) > maxID || len(secret) > maxSecret {
		return nil, errClient
	}
	key := c.mac(string(id), secret.Reveal())
	if v, ok := c.remembered(c.verified, key); ok {
		return v, nil
	}
	return c.flights.do(ctx, key, c.stillTrue, func() (*verifiedClient, error) { return c.prove(ctx, key, id, secret) })
}

// caller is the client, of which the secret was right; nobody for nil.
func (v *verifiedClient) caller() AuthenticatedClient {
	if v == nil {
		return AuthenticatedClient{}
	}
	return AuthenticatedClient{Client: &v.client, AccountID: v.account, proven: true}
}

// prove looks at a secret the slow way, unless the one who asks has been wrong
// too often of late.
func (c *Callers) prove(ctx context.Context, key [32]byte, id authz.ClientID, secret authz.Secret) (*verifiedClient, error) {
	ctx, cancel := context.WithTimeout(ctx, fillTime)
	defer cancel()
	before := c.cfg.Epochs.mark()
	client, account, err := c.usableClient(ctx, id)
	if err != nil && authz.KindOf(err) != authz.Unauthenticated {
		return nil, err
	}
	guesser := string(id) + " " + authz.OriginFrom(ctx).IP
	if c.cfg.Guesses != nil {
		if err := c.cfg.Guesses.Allow(guesser); err != nil {
			return nil, err
		}
	}
	var matched authz.ClientSecret
	if err != nil || !client.HasSecret() {
		err = cmp.Or(c.cfg.Hasher.Dummy(ctx, secret), error(errClient))
	} else {
		matched, err = c.match(ctx, id, secret)
	}
	if authz.KindOf(err) != authz.Unauthenticated && c.cfg.Guesses != nil {
		c.cfg.Guesses.Refund(guesser)
	}
	if err != nil {
		return nil, err
	}
	return c.remember(c.verified, key, before, client, account, matched.ExpiresAt), nil
}

// stillTrue reports whether what another caller with the same secret was told
// holds for this one too. A refusal is nobody else's.
func (c *Callers) stillTrue(v *verifiedClient, err error) bool {
	return err == nil && v.stamped && c.cfg.Epochs.current(&v.stamp)
}

// Public returns a client that has no secret, by its id alone.
func (c *Callers) Public(ctx context.Context, id authz.ClientID) (AuthenticatedClient, error) {
	client, account, err := c.Find(ctx, id)
	if err != nil {
		return AuthenticatedClient{}, err
	}
	if !client.Public() {
		return AuthenticatedClient{}, errClient
	}
	return AuthenticatedClient{Client: &client, AccountID: account}, nil
}

// Proven authenticates a client by what it signed or by its certificate. The
// client must be registered for the method; prove looks at the evidence.
func (c *Callers) Proven(ctx context.Context, id authz.ClientID, method string, prove func(authz.Client) error) (AuthenticatedClient, error) {
	client, account, err := c.Find(ctx, id)
	if err != nil {
		return AuthenticatedClient{}, err
	}
	return ProvenBy(client, account, method, prove)
}

// ProvenBy is Proven for a client that was found by other means.
func ProvenBy(client authz.Client, account authz.AccountID, method string, prove func(authz.Client) error) (AuthenticatedClient, error) {
	if client.AuthMethod != method {
		return AuthenticatedClient{}, errClient
	}
	if err := prove(client); err != nil {
		return AuthenticatedClient{}, err
	}
	return AuthenticatedClient{Client: &client, AccountID: account, proven: true}, nil
}

// Find returns a client that stands, whoever asks: it proves nothing about the
// caller.
func (c *Callers) Find(ctx context.Context, id authz.ClientID) (authz.Client, authz.AccountID, error) {
	if id == "" || len(id) > 255 { // a URL may be as long
		return authz.Client{}, "", errClient
	}
	key := sha256.Sum256([]byte(id))
	if v, ok := c.remembered(c.found, key); ok {
		return v.client, v.account, nil
	}
	ctx, cancel := context.WithTimeout(ctx, fillTime)
	defer cancel()
	before := c.cfg.Epochs.mark()
	client, account, err := c.usableClient(ctx, id)
	if err != nil {
		return authz.Client{}, "", err
	}
	c.remember(c.found, key, before, client, account, time.Time{})
	return client, account, nil
}

// match finds which of the client's unexpired secrets was presented.
func (c *Callers) match(ctx context.Context, id authz.ClientID, secret authz.Secret) (authz.ClientSecret, error) {
	secrets, err := c.cfg.Clients.ListClientSecrets(ctx, c.cfg.Issuer, id, c.cfg.Clock.Now())
	if err != nil {
		return authz.ClientSecret{}, err
	}
	if len(secrets) == 0 {
		return authz.ClientSecret{}, cmp.Or(c.cfg.Hasher.Dummy(ctx, secret), error(errClient))
	}
	for _, s := range secrets {
		ok, _, err := c.cfg.Hasher.VerifyMachine(ctx, s.Hash, secret)
		if err != nil {
			return authz.ClientSecret{}, err
		}
		if ok {
			return s, nil
		}
	}
	return authz.ClientSecret{}, errClient
}

// usableClient reads a client whose ancestors all stand.
func (c *Callers) usableClient(ctx context.Context, id authz.ClientID) (authz.Client, authz.AccountID, error) {
	client, err := c.cfg.Clients.GetClientAcrossWorkspaces(ctx, c.cfg.Issuer, id)
	if errors.Is(err, authz.ErrNotFound) {
		return authz.Client{}, "", errClient
	}
	if err != nil {
		return authz.Client{}, "", err
	}
	var account authz.AccountID
	if client.WorkspaceID != "" {
		ws, err := c.cfg.Clients.GetWorkspace(ctx, c.cfg.Issuer, client.WorkspaceID)
		if err != nil {
			return authz.Client{}, "", err
		}
		account = ws.AccountID
	}
	lineage, err := c.cfg.Clients.Lineage(ctx, clientRefs(client, account))
	if err != nil {
		return authz.Client{}, "", err
	}
	if !lineage.Usable() {
		return authz.Client{}, "", errClient
	}
	return client, account, nil
}

func clientRefs(client authz.Client, account authz.AccountID) []authz.NodeRef {
	refs := []authz.NodeRef{authz.ClientRef(client.Issuer, client.ID)}
	if client.WorkspaceID != "" {
		refs = append(refs,
			authz.NodeRef{Kind: authz.WorkspaceNode, ID: string(client.WorkspaceID)},
			authz.NodeRef{Kind: authz.AccountNode, ID: string(account)})
	}
	return refs
}

func (c *Callers) remembered(from *cache[*verifiedClient], key [32]byte) (*verifiedClient, bool) {
	v, ok := from.get(key)
	if !ok || !c.cfg.Lease.Fresh() {
		return nil, false
	}
	expired := !v.endsAt.IsZero() && !c.cfg.Clock.Now().Before(v.endsAt)
	if expired || !c.cfg.Epochs.current(&v.stamp) {
		from.drop(key)
		return nil, false
	}
	return v, true
}

func (c *Callers) remember(in *cache[*verifiedClient], key [32]byte, before mark, client authz.Client, account authz.AccountID, endsAt time.Time) *verifiedClient {
	v := &verifiedClient{client: client, account: account, endsAt: endsAt}
	if v.stamp, v.stamped = c.cfg.Epochs.stampSince(before, clientRefs(client, account)); v.stamped {
		in.put(key, v)
	}
	return v
}

// mac is the key under which a verified pair is remembered. The id's length
// cannot be mistaken for the secret's: ids hold no NUL.
func (c *Callers) mac(id, secret string) [32]byte {
	m, _ := c.macs.Get().(*pairMAC)
	defer c.macs.Put(m)
	pair := append(append(append(m.pair[:0], id...), 0), secret...)
	m.hash.Reset()
	_, _ = m.hash.Write(pair)
	m.hash.Sum(m.sum[:0])
	clear(pair)
	return m.sum
}

// pairMAC computes HMAC-SHA256 (RFC 2104) with all the memory it needs.
type pairMAC struct {
	hash hash.Hash
	pair [maxID + 1 + maxSecret]byte
	sum  [32]byte
}

package factor

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Passkeys speaks with passkeys (idp/mfa). A refused response is an error with
// a method Reason() string, for the audit log.
type Passkeys interface {
	// BeginCreate and BeginGet return options for the browser, as JSON, and what
	// the answer is checked against; nil asks for anybody's passkey.
	BeginCreate(u PasskeyUser) (options, ceremony []byte, err error)
	BeginGet(u *PasskeyUser) (options, ceremony []byte, err error)
	FinishCreate(u PasskeyUser, ceremony, response []byte) (Passkey, error)
	FinishGet(u PasskeyUser, ceremony, response []byte) (Passkey, error)
	// CredentialID is the id of the passkey that a response claims to be of.
	CredentialID(response []byte) ([]byte, error)
}

// PasskeyUser is whose passkeys are meant.
type PasskeyUser struct {
	Handle            []byte
	Name, DisplayName string
	Records           []json.RawMessage
}

// Passkey is one that was made or used.
type Passkey struct {
	ID      []byte
	Record  json.RawMessage
	Counter int64
	// Copied says that its counter went back: there may be two of it.
	Copied bool
	// Synced says that it is backed up, Syncable that it may be.
	Synced, Syncable bool
}

var (
	// ErrPasskey says that a passkey was not accepted.
	ErrPasskey = authz.NewError(authz.Invalid, "passkey_refused", "That passkey was not accepted. Try again, or use something else.")
	// ErrCopied says that a passkey was put out of use.
	ErrCopied = authz.NewError(authz.Forbidden, "passkey_copied", "That passkey seems to have been copied and was put out of use. Use something else, and set up a new one.")
)

const ceremonyPurpose = "passkey ceremony"

// PasskeyOffer is something to ask an authenticator.
type PasskeyOffer struct {
	// Options are for the browser, as JSON.
	Options string
	// Ceremony is sealed, and good once.
	Ceremony string
}

// pendingPasskey is what an offer seals.
type pendingPasskey struct {
	Kind     string          `json:"kind"`
	Ceremony json.RawMessage `json:"ceremony"`
	At       time.Time       `json:"at"`
}

// The kinds of ceremony.
const (
	toCreate = "create"
	toGet    = "get"
)

// HasPasskeys reports whether passkeys can be had at this issuer.
func (f *Factors) HasPasskeys() bool { return f.cfg.Passkeys != nil }

// BeginPasskey asks the person's authenticator for a new passkey.
func (f *Factors) BeginPasskey(of Person, h Held, name, displayName string) (PasskeyOffer, error) {
	options, ceremony, err := f.cfg.Passkeys.BeginCreate(f.passkeyUser(of, h, name, displayName))
	if err != nil {
		return PasskeyOffer{}, err
	}
	return f.offerPasskey(toCreate, pendingRow(of), options, ceremony)
}

// AskPasskey asks for one of the passkeys that the person has.
func (f *Factors) AskPasskey(of Person, h Held) (PasskeyOffer, error) {
	user := f.passkeyUser(of, h, "", "")
	options, ceremony, err := f.cfg.Passkeys.BeginGet(&user)
	if err != nil {
		return PasskeyOffer{}, err
	}
	return f.offerPasskey(toGet, pendingRow(of), options, ceremony)
}

func (f *Factors) offerPasskey(kind, row string, options, ceremony []byte) (PasskeyOffer, error) {
	plain, err := json.Marshal(pendingPasskey{Kind: kind, Ceremony: ceremony, At: f.cfg.Clock.Now()})
	if err != nil {
		return PasskeyOffer{}, err
	}
	sealed, err := f.cfg.Sealer.Seal(ceremonyPurpose, row, plain)
	return PasskeyOffer{Options: string(options), Ceremony: base64.RawURLEncoding.EncodeToString(sealed)}, err
}

// openPasskey returns what was asked, and what uses it up.
func (f *Factors) openPasskey(kind, row, text string) (ceremony []byte, use func(context.Context) error, err error) {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(sealed) > 8<<10 {
		return nil, nil, ErrOver
	}
	plain, err := f.cfg.Sealer.Open(ceremonyPurpose, row, sealed)
	if err != nil {
		return nil, nil, ErrOver.Because(err)
	}
	var p pendingPasskey
	if err := json.Unmarshal(plain, &p); err != nil {
		return nil, nil, err
	}
	if p.Kind != kind || !recent(p.At, f.cfg.Clock.Now()) {
		return nil, nil, ErrOver
	}
	return p.Ceremony, func(ctx context.Context) error {
		return f.cfg.Store.UseOnce(ctx, f.cfg.Issuer, authz.Digest("passkey ceremony\x00"+string(p.Ceremony)), p.At.Add(2*FreshFor))
	}, nil
}

// passkeyUser names the person to authenticators by a digest, and lists the
// passkeys that are in use.
func (f *Factors) passkeyUser(of Person, h Held, name, displayName string) PasskeyUser {
	s := of.Session
	handle := authz.Digest("passkey user\x00" + string(f.cfg.Issuer) + "\x00" + string(s.WorkspaceID) + "\x00" + string(s.UserID))
	u := PasskeyUser{Handle: handle[:], Name: name, DisplayName: displayName}
	for _, held := range h.Factors {
		if held.Kind == authz.PasskeyFactor && held.State == authz.Active {
			u.Records = append(u.Records, held.Credential)
		}
	}
	return u
}

// EnrolPasskey makes a new passkey a factor of the person, as EnrolApp does an
// app.
func (f *Factors) EnrolPasskey(ctx context.Context, of Person, ceremony, response, name string, then Then) ([]authz.Secret, error) {
	asked, use, err := f.openPasskey(toCreate, pendingRow(of), ceremony)
	if err != nil {
		return nil, err
	}
	held, err := f.keeps(ctx, of)
	if err != nil {
		return nil, err
	}
	key, err := f.cfg.Passkeys.FinishCreate(f.passkeyUser(of, held, "", ""), asked, []byte(response))
	if err != nil {
		return nil, f.notAccepted(ctx, of, err)
	}
	now := f.cfg.Clock.Now()
	made := authz.Factor{
		ID: authz.NewFactorID(), Kind: authz.PasskeyFactor, Name: factorName(name, "Passkey"), Counter: key.Counter, Synced: key.Synced,
		CredentialID: key.ID, Credential: key.Record,
	}
	codes, err := f.enrol(ctx, of, made, passkeyProof(made.ID, key, now), func(ctx context.Context, p Proof) error {
		if err := use(ctx); err != nil {
			return err
		}
		return then(ctx, p)
	})
	if errors.Is(err, authz.ErrConsumed) {
		return nil, f.refused(ctx, of, string(authz.PasskeyFactor), "replayed", ErrPasskey)
	}
	return codes, err
}

// ProvePasskey accepts an answer of one of the person's passkeys, once. One
// that was copied is put out of use, whoever brought it.
func (f *Factors) ProvePasskey(ctx context.Context, of Person, ceremony, response string, then Then) error {
	asked, use, err := f.openPasskey(toGet, pendingRow(of), ceremony)
	if err != nil {
		return err
	}
	held, err := f.Of(ctx, of.Session.WorkspaceID, of.Session.UserID)
	if err != nil {
		return err
	}
	return f.provePasskey(ctx, of, held, asked, []byte(response), use, then)
}

// AskAnyPasskey asks whoever is there for a passkey of theirs; the answer is
// good for what binding names, such as a browser.
func (f *Factors) AskAnyPasskey(binding string) (PasskeyOffer, error) {
	options, ceremony, err := f.cfg.Passkeys.BeginGet(nil)
	if err != nil {
		return PasskeyOffer{}, err
	}
	return f.offerPasskey(toGet, binding, options, ceremony)
}

// ProveAnyPasskey accepts an answer to AskAnyPasskey. Whose it is, is looked up by
// the passkey's id; whose makes a Person of them, or refuses them.
func (f *Factors) ProveAnyPasskey(ctx context.Context, binding, ceremony, response string, whose func(authz.Factor) (Person, error), then Then) error {
	asked, use, err := f.openPasskey(toGet, binding, ceremony)
	if err != nil {
		return err
	}
	nobody := Person{}
	id, err := f.cfg.Passkeys.CredentialID([]byte(response))
	if err != nil {
		return f.notAccepted(ctx, nobody, err)
	}
	key, err := f.cfg.Store.FactorByCredentialAcrossWorkspaces(ctx, f.cfg.Issuer, id)
	if errors.Is(err, authz.ErrNotFound) {
		return f.refused(ctx, nobody, string(authz.PasskeyFactor), "unknown_passkey", ErrPasskey)
	}
	if err != nil {
		return err
	}
	of, err := whose(key)
	if err != nil {
		return err
	}
	held, err := f.Of(ctx, key.WorkspaceID, key.UserID)
	if err != nil {
		return err
	}
	return f.provePasskey(ctx, of, held, asked, []byte(response), use, then)
}

func (f *Factors) provePasskey(ctx context.Context, of Person, held Held, asked, response []byte, use func(context.Context) error, then Then) error {
	key, err := f.cfg.Passkeys.FinishGet(f.passkeyUser(of, held, "", ""), asked, response)
	if err != nil {
		return f.notAccepted(ctx, of, err)
	}
	used := held.passkey(key.ID)
	if used == nil {
		return f.refused(ctx, of, string(authz.PasskeyFactor), "unknown_passkey", ErrPasskey)
	}
	if key.Copied {
		return f.copied(ctx, of, *used, use)
	}
	now := f.cfg.Clock.Now()
	used.Counter, used.Credential, used.Synced, used.LastUsedAt = key.Counter, key.Record, key.Synced, now
	err = f.prove(ctx, of, passkeyProof(used.ID, key, now), then, func(ctx context.Context) error {
		if err := use(ctx); err != nil {
			return err
		}
		return f.cfg.Store.UseFactor(ctx, *used)
	})
	if errors.Is(err, errReplayed) {
		return f.refused(ctx, of, string(authz.PasskeyFactor), "replayed", ErrPasskey)
	}
	return err
}

func (h Held) passkey(id []byte) *authz.Factor {
	for i := range h.Factors {
		if f := &h.Factors[i]; f.Kind == authz.PasskeyFactor && f.State == authz.Active && string(f.CredentialID) == string(id) {
			return f
		}
	}
	return nil
}

// passkeyProof is the proof by a passkey whose user was verified (RFC 8176
// section 2): a key that may be on several devices is not hardware's.
func passkeyProof(id authz.FactorID, key Passkey, now time.Time) Proof {
	word := "hwk"
	if key.Syncable {
		word = "swk"
	}
	return Proof{Method: string(authz.PasskeyFactor), Factor: id, AMR: []string{word, "user"}, At: now, Whole: true}
}

// copied puts a passkey out of use whose counter went back (Web Authentication
// Level 3 section 6.1.1), ends the person's other sessions, and alarms. A copy answers a question of its own: the
// very same answer again is a form that was sent twice.
func (f *Factors) copied(ctx context.Context, of Person, key authz.Factor, use func(context.Context) error) error {
	err := f.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := use(ctx); err != nil {
			return err
		}
		if err := f.hold(ctx, of.Session); err != nil {
			return err
		}
		if err := f.cfg.Store.DisableFactor(ctx, key); err != nil && !errors.Is(err, authz.ErrNotFound) {
			return err
		}
		if err := f.tell(ctx, of, "factor.copied", "P1", string(key.ID), map[string]any{"factor_id": key.ID}); err != nil {
			return err
		}
		return f.endOthers(ctx, of, "factor_copied")
	})
	if errors.Is(err, authz.ErrConsumed) {
		return f.refused(ctx, of, string(authz.PasskeyFactor), "replayed", ErrPasskey)
	}
	if err != nil {
		return err
	}
	return ErrCopied
}

// notAccepted records why a response was refused.
func (f *Factors) notAccepted(ctx context.Context, of Person, err error) error {
	refusal, ok := errors.AsType[interface {
		error
		Reason() string
	}](err)
	if !ok {
		return err
	}
	return f.refused(ctx, of, string(authz.PasskeyFactor), refusal.Reason(), ErrPasskey.Because(err))
}

// factorName is what the person calls a factor, as far as it can be shown.
func factorName(name, otherwise string) string {
	name = strings.TrimSpace(name)
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	if name == "" || len(name) > 60 || strings.ContainsFunc(name, unprintable) {
		return otherwise
	}
	return name
}

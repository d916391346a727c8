package apikey

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// ImportRequest is a key of another system, by its digest.
type ImportRequest struct {
	Request
	// Lookup is the beginning of its text, as long as its layout says; empty for a
	// SHA-256 or SHA-512 digest, which finds the key itself.
	Lookup string
	// Last4 are its last four characters, if they are known.
	Last4  string
	Digest ForeignDigest
}

// ForeignDigest is what another system kept of a key.
type ForeignDigest struct {
	// Kind is "sha256", "sha512", "hmac-sha256", "bcrypt" or "argon2id".
	Kind  string
	Value string
	// KeyID names the key of an HMAC.
	KeyID string
}

var (
	errImported = authz.NewError(authz.Conflict, "already_imported", "There is such a key already.")
	errImporter = authz.NewError(authz.Forbidden, "operator_required", "Only the operator may import keys.")
)

// Import creates a key from the digest another system kept of it. It takes the
// operator with an issuing delegation that could mint such a key. The key is
// verified with that digest at its first use, and hashed as ours then. A fault
// of the request is Invalid and names the member; a key that is there is
// Conflict, "already_imported".
func (k *Keys) Import(ctx context.Context, by authz.Principal, from authz.Origin, r ImportRequest) (authz.APIKey, error) {
	now := k.cfg.Clock.Now()
	if !by.Platform() {
		return authz.APIKey{}, errImporter
	}
	normal, err := k.normal(ctx, r.Request, now)
	if err != nil {
		return authz.APIKey{}, err
	}
	lookup, hash, err := k.foreign(r)
	if err != nil {
		return authz.APIKey{}, err
	}
	if err := k.mayMint(by, normal, now); err != nil {
		return authz.APIKey{}, err
	}
	if _, err := k.workspace(ctx, normal.WorkspaceID); err != nil {
		return authz.APIKey{}, err
	}
	_, parsed, err := draw(k.cfg.Prefix, normal.Environment, k.cfg.TagKeys[0]) // for an id like any other
	if err != nil {
		return authz.APIKey{}, err
	}
	key := k.blank(by, normal, parsed.KeyID, now)
	key.Hash, key.Prefix, key.Last4 = hash, r.Lookup, r.Last4
	err = k.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		settled, err := k.settle(ctx, by, key, normal)
		if err != nil {
			return err
		}
		key = settled
		err = k.cfg.Store.CreateImportedKey(ctx, authz.ImportedKey{Issuer: key.Issuer, WorkspaceID: key.WorkspaceID, KeyID: key.ID, Lookup: lookup})
		if errors.Is(err, authz.ErrConflict) {
			return errImported
		}
		if err != nil {
			return err
		}
		return k.record(ctx, by, from, typeImported, now, key)
	})
	if err != nil {
		return authz.APIKey{}, fmt.Errorf("importing an API key: %w", err)
	}
	key.Hash = ""
	return key, nil
}

// foreign is what an imported key is found by and what is stored as its hash.
func (k *Keys) foreign(r ImportRequest) (lookup, hash string, err error) {
	if len(r.Last4) != 0 && (len(r.Last4) != 4 || !plain(r.Last4)) {
		return "", "", invalid("last4", "must be the last four characters of the key")
	}
	if len(r.Digest.Value) > maxForeign || len(r.Digest.KeyID) > maxID {
		return "", "", invalid("digest.value", "is too long")
	}
	hash, err = k.cfg.Hasher.Foreign(r.Digest.Kind, r.Digest.Value, r.Digest.KeyID)
	if err != nil {
		return "", "", err
	}
	if r.Lookup != "" {
		if !k.hasLookup(r.Lookup) {
			return "", "", invalid("lookup", "must be the beginning of a key, as long as a layout of keys.imported_layouts says")
		}
		return byPrefix + r.Lookup, hash, nil
	}
	_, digest, _ := strings.Cut(hash[strings.Index(hash, "$")+1:], "$")
	switch r.Digest.Kind {
	case "sha256":
		return bySHA256 + digest, hash, nil
	case "sha512":
		return bySHA512 + digest, hash, nil
	}
	return "", "", invalid("lookup", "is required with this kind of digest: how else is the key found?")
}

// hasLookup reports whether a layout's keys are found by as many characters.
func (k *Keys) hasLookup(lookup string) bool {
	if !plain(lookup) {
		return false
	}
	for _, l := range k.cfg.Layouts {
		if l.Lookup == len(lookup) {
			return true
		}
	}
	return false
}

// plain reports whether s is printable ASCII without spaces.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// authenticateImported is Authenticate for a text of another layout. No keyed
// tag stops a stranger here before the database, only one row; a wrong secret is
// stopped by the tag once the key was used, and before that by the limit of
// failures and by the gate for the digests of others.
func (k *Keys) authenticateImported(ctx context.Context, l *Layout, text authz.Secret) (authz.APIKey, authz.Lineage, error) {
	imported, key, lineage, err := k.findImported(ctx, l, text)
	if errors.Is(err, authz.ErrNotFound) {
		return authz.APIKey{}, nil, errInactive
	}
	if err != nil {
		return authz.APIKey{}, nil, undecided(err)
	}
	now := k.cfg.Clock.Now()
	if reason := doubt(key, lineage, Text{Environment: key.Environment}, now); reason != "" {
		return authz.APIKey{}, nil, k.refuse(ctx, key, reason, now)
	}
	if err := k.proveImported(ctx, key, imported, text, now); err != nil {
		return authz.APIKey{}, nil, err
	}
	key.Hash = ""
	return key, lineage, nil
}

// findImported finds the key that a text of the layout would be, in any state.
func (k *Keys) findImported(ctx context.Context, l *Layout, text authz.Secret) (authz.ImportedKey, authz.APIKey, authz.Lineage, error) {
	imported, err := k.cfg.Store.FindImportedKeyAcrossWorkspaces(ctx, k.cfg.Issuer, l.lookups(text))
	if err != nil {
		return imported, authz.APIKey{}, nil, err
	}
	key, lineage, err := k.cfg.Store.GetAPIKeyAcrossWorkspaces(ctx, k.cfg.Issuer, imported.KeyID)
	return imported, key, lineage, err
}

// proveImported proves the secret and, the first time, keeps what makes a wrong
// one cheap from then on.
func (k *Keys) proveImported(ctx context.Context, key authz.APIKey, imported authz.ImportedKey, text authz.Secret, now time.Time) error {
	tagged := len(imported.Tag) > 0
	if tagged && !k.foreignTagged(imported.Tag, text) {
		return k.refuse(ctx, key, reasonSecret, now)
	}
	if err := k.prove(ctx, key, text, now); err != nil || tagged {
		return err
	}
	if err := k.cfg.Store.TagImportedKey(ctx, imported.Issuer, imported.WorkspaceID, imported.KeyID, foreignTag(k.cfg.TagKeys[0], text)); err != nil {
		k.cfg.Logger.WarnContext(ctx, "keeping the tag of an imported API key failed", "key_id", string(key.ID), "error", err.Error())
	}
	return nil
}

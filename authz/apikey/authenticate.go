package apikey

import (
	"context"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// errInactive is the one answer to every doubt about a key.
var errInactive = authz.NewError(authz.Unauthenticated, "invalid_token", "The credential is not active.")

// Reasons of refusal, for the audit trail only.
const (
	reasonSecret      = "wrong_secret"
	reasonAncestor    = "ancestor_inactive"
	reasonEnvironment = "wrong_environment"
	reasonTag         = "wrong_tag"
)

// Authenticate verifies the text of a key the slow way and returns the key with
// its ancestors as they stand. Every doubt is the same Unauthenticated,
// "invalid_token"; too many wrong secrets for one id are RateLimited; inability
// to decide is Unavailable. It keeps nothing: authz/credential does.
func (k *Keys) Authenticate(ctx context.Context, text authz.Secret) (authz.APIKey, authz.Lineage, error) {
	t, err := Parse(text)
	if err != nil {
		if l := k.layout(text); l != nil {
			return k.authenticateImported(ctx, l, text)
		}
		return authz.APIKey{}, nil, errInactive.Because(err)
	}
	// Only who holds a real key, or a tag key, gets past this line. That an
	// unknown id is answered sooner than a wrong secret tells a stranger
	// nothing, and no dummy hash is needed.
	if t.Brand != k.cfg.Prefix {
		return authz.APIKey{}, nil, errInactive
	}
	if !t.Tagged(k.cfg.TagKeys) {
		k.guesses.add(authz.OriginFrom(ctx).IP)
		return authz.APIKey{}, nil, errInactive
	}
	key, lineage, err := k.cfg.Store.GetAPIKeyAcrossWorkspaces(ctx, k.cfg.Issuer, t.KeyID)
	if errors.Is(err, authz.ErrNotFound) {
		return authz.APIKey{}, nil, errInactive
	}
	if err != nil {
		return authz.APIKey{}, nil, undecided(err)
	}
	now := k.cfg.Clock.Now()
	if reason := doubt(key, lineage, t, now); reason != "" {
		return authz.APIKey{}, nil, k.refuse(ctx, key, reason, now)
	}
	if err := k.prove(ctx, key, text, now); err != nil {
		return authz.APIKey{}, nil, err
	}
	key.Hash = ""
	return key, lineage, nil
}

// doubt says why a key's row does not let it be used, or nothing.
func doubt(key authz.APIKey, lineage authz.Lineage, t Text, now time.Time) string {
	switch {
	case key.Environment != t.Environment:
		return reasonEnvironment
	case !key.UsableAt(now):
		return key.StatusAt(now)
	case len(lineage) == 0 || !lineage.Usable():
		return reasonAncestor
	}
	return ""
}

// prove checks the secret itself.
func (k *Keys) prove(ctx context.Context, key authz.APIKey, text authz.Secret, now time.Time) error {
	if wait := k.failures.wait(key.ID, now); wait > 0 {
		return &authz.Error{
			Kind: authz.RateLimited, Code: "rate_limited", Description: "Too many failures with this key.", RetryAfter: wait,
		}
	}
	match, rehash, err := k.cfg.Hasher.VerifyMachine(ctx, key.Hash, text)
	if err != nil {
		return undecided(err)
	}
	if !match {
		k.failures.add(key.ID, now)
		return k.refuse(ctx, key, reasonSecret, now)
	}
	if rehash {
		k.renew(ctx, key, text)
	}
	return nil
}

// refuse audits a refusal and returns the uniform answer. A key that is tried
// over and over is audited as often as the failure limit allows, no more.
func (k *Keys) refuse(ctx context.Context, key authz.APIKey, reason string, now time.Time) error {
	if k.refusals.wait(key.ID, now) > 0 {
		return errInactive
	}
	k.refusals.add(key.ID, now)
	entry := k.entry(key, authz.OriginFrom(ctx), typeRefused, now)
	entry.Result, entry.Reason, entry.Actor = authz.Refused, reason, string(key.ServiceAccountID)
	if err := k.cfg.Store.AppendAudit(ctx, entry); err != nil {
		return undecided(err)
	}
	return errInactive
}

// renew replaces a hash whose parameters are old. The key was proven; that its
// hash stays old until the next time is no reason to refuse it.
func (k *Keys) renew(ctx context.Context, key authz.APIKey, text authz.Secret) {
	hash, err := k.cfg.Hasher.HashMachine(ctx, text)
	if err == nil {
		_, err = k.cfg.Store.UpdateAPIKeyHash(ctx, key.Issuer, key.ID, key.Hash, hash)
	}
	if err != nil {
		k.cfg.Logger.WarnContext(ctx, "renewing the hash of an API key failed", "key_id", string(key.ID), "error", err.Error())
	}
}

// undecided makes every failure to look one that says: try again. A caller
// that hung up keeps its own error.
func undecided(err error) error {
	if authz.KindOf(err) == authz.Unavailable || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &authz.Error{
		Kind: authz.Unavailable, Code: "temporarily_unavailable", Description: "This cannot be decided now; try again.",
		RetryAfter: time.Second, Err: err,
	}
}

package web

import (
	"context"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

// KeyLimits counts the uses of API keys (authz/ratelimit).
type KeyLimits interface {
	// Take counts one use of the key, of the rate tier, unless it is one too many.
	Take(ctx context.Context, key authz.KeyID, tier string) authz.Quota
	// Peek says what Take would, and counts nothing.
	Peek(ctx context.Context, key authz.KeyID, tier string) authz.Quota
}

// checked is what came of looking at a credential for somebody.
type checked struct {
	reason credential.Reason
	// record is nil when the asker is told nothing of the credential.
	record *credential.Record
	// quota is of the key that is used, itself or by a token of it; without
	// one its limit is zero.
	quota authz.Quota
}

// check decides about one use of a credential, the same way for verify and
// forward-auth: is it live, may the asker see it, where it comes from, how
// often it was used, and last what it is used for. An error is inability to
// decide.
func (s *site) check(ctx context.Context, by credential.Asker, text authz.Secret, use credential.Use) (checked, error) {
	record, err := s.Verifier.Lookup(ctx, text)
	if authz.KindOf(err) == authz.Unauthenticated {
		return s.checkDead(ctx, by, text)
	}
	if err != nil {
		return checked{}, err
	}
	if reason := by.Sees(&record.Credential); reason != credential.OK {
		return checked{reason: reason}, nil
	}
	out := checked{reason: credential.Admits(&record.Credential, use), record: record}
	if out.reason == credential.OK {
		s.keyUsed(record, use.ClientIP)
	}
	if key := record.Principal.KeyID; key != "" && out.reason == credential.OK && s.KeyLimits != nil {
		if out.quota = s.KeyLimits.Take(ctx, key, record.Tier); !out.quota.Allowed {
			out.reason = credential.RateLimited
		}
	}
	if out.reason == credential.OK {
		if out.reason, err = s.permits(ctx, &record.Credential, use); err != nil {
			return checked{}, err
		}
	}
	if out.reason != credential.OK {
		err = s.recordRefusedUse(ctx, record.Principal, use, out.reason)
	}
	return out, err
}

// permits decides what a credential may be used for. That a scope goes by more
// than one name is looked up only where it is not held by the one asked for.
func (s *site) permits(ctx context.Context, c *authz.Credential, use credential.Use) (credential.Reason, error) {
	if reason := credential.Permits(c, use); reason == credential.OK || use.Action == "" {
		return reason, nil
	}
	known, err := s.OAuth.Scopes(ctx)
	if err != nil {
		return "", err
	}
	return credential.PermitsByAnyName(c, use, known.Names()), nil
}

// checkDead tells a key whose workspace is suspended from one that is dead.
func (s *site) checkDead(ctx context.Context, by credential.Asker, text authz.Secret) (checked, error) {
	if s.Suspended == nil || !s.IsKey(text.Reveal()) {
		return checked{reason: credential.Inactive}, nil
	}
	c, err := s.Suspended(ctx, text)
	if err != nil {
		return checked{}, err
	}
	if c == nil || by.Sees(c) != credential.OK {
		return checked{reason: credential.Inactive}, nil
	}
	return checked{reason: credential.Suspended}, nil
}

// recordRefusedUse audits a refused use, as often for each credential as the
// limit of such entries allows: a client that asks a thousand times a second
// for what it may not have is one fact.
func (s *site) recordRefusedUse(ctx context.Context, by authz.Principal, use credential.Use, reason credential.Reason) error {
	actor := string(by.KeyID)
	if actor == "" {
		actor = by.Subject
	}
	if tooMany := s.refusals.Allow(actor + " " + string(reason)); tooMany == nil {
		return s.AuditUse(ctx, by, use, string(reason))
	}
	return nil
}

// keyUsed notes the use of a key.
func (s *site) keyUsed(record *credential.Record, ip string) {
	if key := record.Principal.KeyID; key != "" && s.KeyUsed != nil {
		address, _, _ := strings.Cut(ip, "%") // a zone means something at the caller only (RFC 4007 section 11)
		s.KeyUsed(key, address)
	}
}

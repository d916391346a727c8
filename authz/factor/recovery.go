package factor

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// A recovery code is two characters that find it and ten that prove it, 50
// bits, in Crockford's base32: what people copy by hand has no I, L, O or U.
const (
	recoveryCodes    = 10
	recoveryLookup   = 2
	recoveryLength   = 12
	recoveryAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// ErrWrongRecovery says that it is none of the person's unused codes.
var ErrWrongRecovery = authz.NewError(authz.Invalid, "wrong_code", "That is none of your unused recovery codes. Each is good once.")

// drawCodes makes a set of recovery codes: their texts, and what is kept.
func (f *Factors) drawCodes(ctx context.Context) ([]authz.Secret, []authz.RecoveryCode, error) {
	now := f.cfg.Clock.Now()
	texts, codes := make([]authz.Secret, 0, recoveryCodes), make([]authz.RecoveryCode, 0, recoveryCodes)
	taken := map[string]bool{}
	for len(codes) < recoveryCodes {
		text := drawCode()
		if taken[text[:recoveryLookup]] {
			continue
		}
		taken[text[:recoveryLookup]] = true
		hash, err := f.cfg.Hasher.HashHuman(ctx, authz.Secret(text))
		if err != nil {
			return nil, nil, err
		}
		texts = append(texts, authz.Secret(text[:4]+"-"+text[4:8]+"-"+text[8:]))
		codes = append(codes, authz.RecoveryCode{Lookup: text[:recoveryLookup], Hash: hash, CreatedAt: now})
	}
	return texts, codes, nil
}

func drawCode() string {
	var raw [recoveryLength]byte
	_, _ = rand.Read(raw[:]) // never fails since Go 1.24
	for i, b := range raw {
		raw[i] = recoveryAlphabet[b&31]
	}
	return string(raw[:])
}

// normalCode is a code as it was drawn, however it was typed; "" for what
// cannot be one.
func normalCode(typed string) string {
	if len(typed) > 64 {
		return ""
	}
	text := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '\t':
			return -1
		case 'O':
			return '0'
		case 'I', 'L':
			return '1'
		}
		return r
	}, strings.ToUpper(typed))
	if len(text) != recoveryLength || strings.Trim(text, recoveryAlphabet) != "" {
		return ""
	}
	return text
}

// NewCodes gives the person, who has just proven a factor, other recovery codes
// in place of theirs. They are shown once, and the person's other sessions end.
func (f *Factors) NewCodes(ctx context.Context, of Person) ([]authz.Secret, error) {
	if err := MayChange(of.Session, f.cfg.Clock.Now()); err != nil {
		return nil, err
	}
	texts, codes, err := f.drawCodes(ctx)
	if err != nil {
		return nil, err
	}
	return texts, f.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := f.hold(ctx, of.Session); err != nil {
			return err
		}
		if err := f.cfg.Store.ReplaceRecoveryCodes(ctx, f.cfg.Issuer, of.Session.WorkspaceID, of.Session.UserID, codes); err != nil {
			return err
		}
		if err := f.tell(ctx, of, "recovery_codes.replaced", "P3", string(of.Session.UserID), nil); err != nil {
			return err
		}
		return f.endOthers(ctx, of, "recovery_codes_replaced")
	})
}

// ProveRecovery accepts a recovery code of the person, once. It alarms.
func (f *Factors) ProveRecovery(ctx context.Context, of Person, typed string, then Then) error {
	text := normalCode(typed)
	if text == "" {
		return ErrWrongRecovery // and no guess
	}
	if err := f.attempt(ctx, of, authz.RecoveryMethod); err != nil {
		return err
	}
	code, err := f.cfg.Store.GetRecoveryCode(ctx, f.cfg.Issuer, of.Session.WorkspaceID, of.Session.UserID, text[:recoveryLookup])
	if err != nil && !errors.Is(err, authz.ErrNotFound) {
		return err
	}
	matches, _, err := f.cfg.Hasher.VerifyHuman(ctx, code.Hash, authz.Secret(text)) // at the same cost for nobody's
	if err != nil {
		return err
	}
	if !matches {
		return f.refused(ctx, of, authz.RecoveryMethod, "wrong_code", ErrWrongRecovery)
	}
	now := f.cfg.Clock.Now()
	proof := Proof{Method: authz.RecoveryMethod, AMR: []string{"otp"}, At: now}
	err = f.prove(ctx, of, proof, then, func(ctx context.Context) error {
		if err := f.cfg.Store.UseRecoveryCode(ctx, code, now); err != nil {
			return err
		}
		return f.tell(ctx, of, "recovery_code.used", "P2", string(of.Session.UserID), nil)
	})
	if errors.Is(err, errReplayed) {
		return f.refused(ctx, of, authz.RecoveryMethod, "replayed", ErrWrongRecovery)
	}
	return err
}

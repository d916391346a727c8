package factor

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

var (
	// ErrWrongCode says that it is not the code of now.
	ErrWrongCode = authz.NewError(authz.Invalid, "wrong_code", "That code is not right. Check that the clock of your device is, and enter the code it shows now.")
	// ErrUsedCode says that the code was shown to us before.
	ErrUsedCode = authz.NewError(authz.Invalid, "used_code", "That code was used already. Wait for the next one.")
	// ErrOver says that what was begun took too long, or belongs to another session.
	ErrOver = authz.NewError(authz.Expired, "enrolment_over", "That took too long. Start again.")
	// ErrHasApp says that the person has an authenticator app.
	ErrHasApp = authz.NewError(authz.Conflict, "has_authenticator", "You have an authenticator app already. Remove it first.")
)

const (
	secretPurpose  = "totp secret"
	pendingPurpose = "totp enrolment"
	codeLength     = 6
)

// AppOffer is a secret to take into an authenticator app.
type AppOffer struct {
	// Pending is the sealed secret, for EnrolApp: nothing is stored until the
	// person shows that their app has it.
	Pending string
	// Text is the secret to type, QR a picture of it in PNG.
	Text authz.Secret
	QR   []byte
}

// pendingApp is what an offer seals.
type pendingApp struct {
	Secret []byte    `json:"secret"`
	At     time.Time `json:"at"`
}

// BeginApp offers a secret to the person, whom the app is going to call account.
func (f *Factors) BeginApp(of Person, account string) (AppOffer, error) {
	secret := f.cfg.App.NewSecret()
	plain, err := json.Marshal(pendingApp{Secret: secret, At: f.cfg.Clock.Now()})
	if err != nil {
		return AppOffer{}, err
	}
	sealed, err := f.cfg.Sealer.Seal(pendingPurpose, pendingRow(of), plain)
	if err != nil {
		return AppOffer{}, err
	}
	return f.offer(base64.RawURLEncoding.EncodeToString(sealed), secret, account)
}

func (f *Factors) offer(pending string, secret []byte, account string) (AppOffer, error) {
	qr, err := f.cfg.App.QR(secret, f.cfg.Name, account)
	return AppOffer{Pending: pending, Text: authz.Secret(f.cfg.App.Text(secret)), QR: qr}, err
}

// AgainApp is the same offer once more.
func (f *Factors) AgainApp(of Person, pending, account string) (AppOffer, error) {
	p, err := f.openApp(of, pending)
	if err != nil {
		return AppOffer{}, err
	}
	return f.offer(pending, p.Secret, account)
}

func pendingRow(of Person) string { return string(of.Session.UserID) + " " + string(of.Session.ID) }

func (f *Factors) openApp(of Person, pending string) (pendingApp, error) {
	var p pendingApp
	sealed, err := base64.RawURLEncoding.DecodeString(pending)
	if err != nil || len(sealed) > 1<<10 {
		return p, ErrOver
	}
	plain, err := f.cfg.Sealer.Open(pendingPurpose, pendingRow(of), sealed)
	if err != nil {
		return p, ErrOver.Because(err)
	}
	if err := json.Unmarshal(plain, &p); err != nil {
		return p, err
	}
	if !recent(p.At, f.cfg.Clock.Now()) {
		return p, ErrOver
	}
	return p, nil
}

// EnrolApp makes an authenticator app a factor of the person, when they show a
// code of it. With a first factor come recovery codes, which are shown once.
// Showing the code is a proof, and used up.
func (f *Factors) EnrolApp(ctx context.Context, of Person, pending, code string, then Then) ([]authz.Secret, error) {
	p, err := f.openApp(of, pending)
	if err != nil {
		return nil, err
	}
	now := f.cfg.Clock.Now()
	step, matches := f.cfg.App.Match(p.Secret, digitsOf(code), now)
	if !matches {
		return nil, ErrWrongCode
	}
	made := authz.Factor{
		ID: authz.NewFactorID(), Kind: authz.TOTPFactor, Name: "Authenticator app", Counter: step,
	}
	if made.Secret, err = f.cfg.Sealer.Seal(secretPurpose, string(made.ID), p.Secret); err != nil {
		return nil, err
	}
	return f.enrol(ctx, of, made, Proof{Method: string(authz.TOTPFactor), Factor: made.ID, AMR: []string{"otp"}, At: now}, then)
}

// ProveApp accepts a code of the person's authenticator app, once.
func (f *Factors) ProveApp(ctx context.Context, of Person, code string, then Then) error {
	method := string(authz.TOTPFactor)
	if code = digitsOf(code); len(code) != codeLength {
		return ErrWrongCode // and no guess
	}
	if err := f.attempt(ctx, of, method); err != nil {
		return err
	}
	held, err := f.Of(ctx, of.Session.WorkspaceID, of.Session.UserID)
	if err != nil {
		return err
	}
	app := held.first(authz.TOTPFactor)
	if app == nil {
		return f.refused(ctx, of, method, "no_factor", ErrWrongCode)
	}
	secret, err := f.cfg.Sealer.Open(secretPurpose, string(app.ID), app.Secret)
	if err != nil {
		return err
	}
	now := f.cfg.Clock.Now()
	step, matches := f.cfg.App.Match(secret, code, now)
	if !matches {
		return f.refused(ctx, of, method, "wrong_code", ErrWrongCode)
	}
	app.Counter, app.LastUsedAt = step, now
	err = f.prove(ctx, of, Proof{Method: method, Factor: app.ID, AMR: []string{"otp"}, At: now}, then, func(ctx context.Context) error {
		return f.cfg.Store.UseFactor(ctx, *app)
	})
	if errors.Is(err, errReplayed) {
		return f.refused(ctx, of, method, "replayed", ErrUsedCode)
	}
	return err
}

// errReplayed says that another was first, or that this is the second time.
var errReplayed = errors.New("factor: the proof was used before")

// prove uses a proof up, in one transaction with what it is for.
func (f *Factors) prove(ctx context.Context, of Person, p Proof, then Then, use func(context.Context) error) error {
	return f.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		err := use(ctx)
		if errors.Is(err, authz.ErrConsumed) {
			return errReplayed
		}
		if err != nil {
			return err
		}
		if err := f.cfg.Store.ForgetAttempts(ctx, f.cfg.Issuer, of.Session.WorkspaceID, f.attempts(of, p.Method)); err != nil {
			return err
		}
		if err := f.used(ctx, of, p); err != nil {
			return err
		}
		return then(ctx, p)
	})
}

// digitsOf is a code as people type it, without the spaces apps show.
func digitsOf(code string) string {
	if len(code) > 32 {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\u00a0' || r == '-' {
			return -1
		}
		return r
	}, code)
}

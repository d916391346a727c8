package mfa

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// maxResponse bounds what an authenticator answers, in bytes: without an
// attestation it is one or two thousand.
const maxResponse = 16 << 10

// ErrNoDomain says that the origin has no name, but an address: browsers keep
// passkeys for names only.
var ErrNoDomain = errors.New("mfa: passkeys need a host name")

// Why a passkey was refused, as Refusal.Reason says.
const (
	ReasonMalformed    = "malformed_response"
	ReasonCeremony     = "wrong_ceremony" // an answer to another question
	ReasonChallenge    = "wrong_challenge"
	ReasonOrigin       = "wrong_origin"
	ReasonRelyingParty = "wrong_rp_id"
	ReasonUnverified   = "user_not_verified"
	ReasonUnknown      = "unknown_passkey"
	ReasonSignature    = "not_verified"
)

// Refusal is a response of an authenticator that was not accepted.
type Refusal struct {
	reason string
	Err    error
}

// Reason is one of those above.
func (r *Refusal) Reason() string { return r.reason }

// Error describes the refusal, for logs.
func (r *Refusal) Error() string { return "mfa: " + r.reason + ": " + fmt.Sprint(r.Err) }

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Err }

// Passkeys speaks with the passkeys of one origin.
type Passkeys struct {
	library *webauthn.WebAuthn
	origin  string
	rpID    string
}

// NewPasskeys returns the passkeys of an origin, such as "https://auth.example",
// whose host is their relying party id; name is what people know it by.
// ErrNoDomain when the host is an address.
func NewPasskeys(origin, name string) (*Passkeys, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("mfa: %q is no origin", origin)
	}
	if net.ParseIP(u.Hostname()) != nil {
		return nil, ErrNoDomain
	}
	p := &Passkeys{origin: u.Scheme + "://" + u.Host, rpID: u.Hostname()}
	p.library, err = webauthn.New(&webauthn.Config{
		RPID: p.rpID, RPDisplayName: name, RPOrigins: []string{p.origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
		// Some browsers tell more than they were asked, none of which is used.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("mfa: preparing passkeys: %w", err)
	}
	return p, nil
}

// User is whose passkeys are meant.
type User struct {
	// Handle names the person to authenticators; it tells nobody who they are.
	Handle []byte
	// Name and DisplayName are shown when a passkey is chosen.
	Name, DisplayName string
	// Records are the passkeys the person has, as Passkey.Record.
	Records []json.RawMessage
}

// Passkey is one that was made or used.
type Passkey struct {
	ID []byte
	// Record is its public part, to be kept and given back.
	Record json.RawMessage
	// Counter is how often it was used, by its own word; 0 for one that does not
	// count. Copied says that it went back: there may be two of it.
	Counter int64
	Copied  bool
	// Synced says that it is backed up, Syncable that it may be: it can be on
	// several devices.
	Synced, Syncable bool
}

// person is a User as the library wants one.
type person struct {
	User
	credentials []webauthn.Credential
}

func (p person) WebAuthnID() []byte                         { return p.Handle }
func (p person) WebAuthnName() string                       { return p.Name }
func (p person) WebAuthnDisplayName() string                { return p.DisplayName }
func (p person) WebAuthnCredentials() []webauthn.Credential { return p.credentials }

func personOf(u User) (person, error) {
	p := person{User: u, credentials: make([]webauthn.Credential, len(u.Records))}
	for i, record := range u.Records {
		if err := json.Unmarshal(record, &p.credentials[i]); err != nil {
			return p, fmt.Errorf("mfa: reading a passkey: %w", err)
		}
	}
	return p, nil
}

// BeginCreate asks for a new passkey: the options for the browser, as JSON of
// PublicKeyCredentialCreationOptions, and what FinishCreate needs, which holds
// the challenge and must come back unchanged, once.
func (p *Passkeys) BeginCreate(u User) (options, ceremony []byte, err error) {
	who, err := personOf(u)
	if err != nil {
		return nil, nil, err
	}
	creation, session, err := p.library.BeginRegistration(who, webauthn.WithExclusions(webauthn.Credentials(who.credentials).CredentialDescriptors()))
	if err != nil {
		return nil, nil, fmt.Errorf("mfa: asking for a passkey: %w", err)
	}
	return both(creation.Response, session)
}

// BeginGet asks for one of the person's passkeys, or, where nobody is named,
// for any of this origin's.
func (p *Passkeys) BeginGet(u *User) (options, ceremony []byte, err error) {
	var assertion *protocol.CredentialAssertion
	var session *webauthn.SessionData
	if u == nil {
		assertion, session, err = p.library.BeginDiscoverableLogin()
	} else {
		who, wrong := personOf(*u)
		if wrong != nil {
			return nil, nil, wrong
		}
		assertion, session, err = p.library.BeginLogin(who)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("mfa: asking for a passkey: %w", err)
	}
	return both(assertion.Response, session)
}

func both(options any, session *webauthn.SessionData) (shown, kept []byte, err error) {
	if shown, err = json.Marshal(options); err != nil {
		return nil, nil, fmt.Errorf("mfa: asking for a passkey: %w", err)
	}
	if kept, err = json.Marshal(session); err != nil {
		return nil, nil, fmt.Errorf("mfa: asking for a passkey: %w", err)
	}
	return shown, kept, nil
}

// FinishCreate checks the answer to BeginCreate (Web Authentication Level 3
// section 7.1) and returns the passkey. It fails with a Refusal.
func (p *Passkeys) FinishCreate(u User, ceremony, response []byte) (Passkey, error) {
	session, err := sessionOf(ceremony)
	if err != nil {
		return Passkey{}, err
	}
	if len(response) > maxResponse {
		return Passkey{}, &Refusal{ReasonMalformed, errors.New("too long")}
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return Passkey{}, &Refusal{ReasonMalformed, err}
	}
	who, err := personOf(u)
	if err != nil {
		return Passkey{}, err
	}
	made, err := p.library.CreateCredential(who, session, parsed)
	data := parsed.Response.AttestationObject.AuthData
	if err != nil {
		return Passkey{}, p.refusal(err, protocol.CreateCeremony, session, parsed.Response.CollectedClientData, data)
	}
	if !data.Flags.HasUserVerified() {
		return Passkey{}, &Refusal{ReasonUnverified, errors.New("registered without")}
	}
	return passkeyOf(made)
}

// FinishGet checks the answer to BeginGet (section 7.2) against the person's
// passkeys, and returns the one that was used, as it is to be kept now. It fails
// with a Refusal.
func (p *Passkeys) FinishGet(u User, ceremony, response []byte) (Passkey, error) {
	session, err := sessionOf(ceremony)
	if err != nil {
		return Passkey{}, err
	}
	parsed, err := parseGet(response)
	if err != nil {
		return Passkey{}, err
	}
	who, err := personOf(u)
	if err != nil {
		return Passkey{}, err
	}
	var used *webauthn.Credential
	if len(session.UserID) == 0 {
		used, err = p.library.ValidateDiscoverableLogin(func(_, handle []byte) (webauthn.User, error) {
			if !bytes.Equal(handle, u.Handle) {
				return nil, errors.New("another person's")
			}
			return who, nil
		}, session, parsed)
	} else {
		used, err = p.library.ValidateLogin(who, session, parsed)
	}
	if err != nil {
		return Passkey{}, p.refusal(err, protocol.AssertCeremony, session, parsed.Response.CollectedClientData, parsed.Response.AuthenticatorData)
	}
	if !parsed.Response.AuthenticatorData.Flags.HasUserVerified() {
		return Passkey{}, &Refusal{ReasonUnverified, errors.New("used without")}
	}
	return passkeyOf(used)
}

// CredentialID is the id of the passkey that a response claims to be of: what
// to look up, and no proof. It fails with a Refusal.
func (p *Passkeys) CredentialID(response []byte) ([]byte, error) {
	parsed, err := parseGet(response)
	if err != nil {
		return nil, err
	}
	return parsed.RawID, nil
}

func parseGet(response []byte) (*protocol.ParsedCredentialAssertionData, error) {
	if len(response) > maxResponse {
		return nil, &Refusal{ReasonMalformed, errors.New("too long")}
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return nil, &Refusal{ReasonMalformed, err}
	}
	return parsed, nil
}

func sessionOf(ceremony []byte) (s webauthn.SessionData, err error) {
	if err = json.Unmarshal(ceremony, &s); err != nil {
		return s, fmt.Errorf("mfa: reading what was asked: %w", err)
	}
	// Whatever was kept: more than one factor is what a passkey is for here.
	s.UserVerification = protocol.VerificationRequired
	return s, nil
}

// refusal says why the library refused, in the order of its checks.
func (p *Passkeys) refusal(err error, kind protocol.CeremonyType, s webauthn.SessionData, c protocol.CollectedClientData, d protocol.AuthenticatorData) error {
	rp := sha256.Sum256([]byte(p.rpID))
	reason := ReasonSignature
	unknown := &protocol.ErrorUnknownCredential{}
	switch {
	case errors.As(err, &unknown):
		reason = ReasonUnknown
	case c.Type != kind:
		reason = ReasonCeremony
	case c.Challenge != s.Challenge:
		reason = ReasonChallenge
	case c.Origin != p.origin || c.CrossOrigin:
		reason = ReasonOrigin
	case !bytes.Equal(d.RPIDHash, rp[:]):
		reason = ReasonRelyingParty
	case !d.Flags.HasUserVerified():
		reason = ReasonUnverified
	}
	return &Refusal{reason, err}
}

// passkeyOf keeps what is needed of a credential. Attestations are not asked
// for, and what came in their place says nothing.
func passkeyOf(c *webauthn.Credential) (Passkey, error) {
	c.Attestation = webauthn.CredentialAttestation{}
	copied := c.Authenticator.CloneWarning
	c.Authenticator.CloneWarning = false
	record, err := json.Marshal(c)
	if err != nil {
		return Passkey{}, fmt.Errorf("mfa: keeping a passkey: %w", err)
	}
	return Passkey{
		ID: c.ID, Record: record, Counter: int64(c.Authenticator.SignCount), Copied: copied,
		Synced: c.Flags.BackupState, Syncable: c.Flags.BackupEligible,
	}, nil
}

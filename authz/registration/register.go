package registration

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
)

// Told is the client information response (RFC 7591 section 3.2.1): the one
// place where the secret and the registration access token are shown.
type Told struct {
	clientmeta.Registration
	secret     authz.Secret
	hold       authz.Secret
	uri        string
	issuedAt   int64
	secretEnds bool
}

// MarshalJSON writes the credentials out.
func (t Told) MarshalJSON() ([]byte, error) {
	body := struct {
		clientmeta.Registration
		Secret     string `json:"client_secret,omitempty"`
		SecretEnds *int64 `json:"client_secret_expires_at,omitempty"` // 0: never
		Hold       string `json:"registration_access_token,omitempty"`
		URI        string `json:"registration_client_uri"`
		IssuedAt   int64  `json:"client_id_issued_at"`
	}{t.Registration, t.secret.Reveal(), nil, t.hold.Reveal(), t.uri, t.issuedAt}
	if t.secretEnds {
		body.SecretEnds = new(int64)
	}
	return json.Marshal(body)
}

var (
	// errToken is the one answer to a token that is unknown, expired, used up,
	// replaced, or for another client (RFC 7592 section 2).
	errToken     = authz.NewError(authz.Unauthenticated, "invalid_token", "The token does not allow this.")
	errFull      = authz.NewError(authz.Forbidden, "access_denied", "The workspace has as many registered clients as it may have.")
	errStatement = authz.NewError(authz.Invalid, "unapproved_software_statement", "Software statements are not accepted.")
)

// translate tells a problem in the codes of RFC 7591 section 3.2.2. A row that
// is not there any more opens nothing.
func translate(err error) error {
	e, ok := errors.AsType[*authz.Error](err)
	switch {
	case !ok:
		return err
	case e.Kind == authz.NotFound || errors.Is(e, authz.ErrConsumed):
		return errToken.Because(err)
	case e.Kind != authz.Invalid || e.Code == errStatement.Code:
		return err
	case strings.HasPrefix(e.Code, "invalid_redirect_uri"):
		return authz.NewError(authz.Invalid, "invalid_redirect_uri", e.Description)
	}
	return authz.NewError(authz.Invalid, "invalid_client_metadata", e.Description)
}

// Register registers a client for the holder of an initial access token.
func (r *Registrar) Register(ctx context.Context, token authz.Secret, body []byte) (Told, error) {
	t, err := r.cfg.Store.GetRegistrationToken(ctx, r.cfg.Issuer, authz.Digest(token.Reveal()))
	if err != nil {
		return Told{}, translate(err)
	}
	if !t.UsableAt(r.cfg.Clock.Now()) {
		return Told{}, errToken
	}
	if err := r.standing(ctx, t.WorkspaceID); err != nil {
		return Told{}, translate(err)
	}
	client, err := r.read(body, t.Profile)
	if err != nil {
		return Told{}, translate(err)
	}
	now := r.cfg.Clock.Now()
	client.ID, client.Issuer, client.WorkspaceID, client.Environment = authz.NewClientID(), r.cfg.Issuer, t.WorkspaceID, t.Environment
	client.State, client.Revision, client.CreatedAt, client.UpdatedAt = authz.Active, 1, now, now
	if err := r.check(ctx, client); err != nil {
		return Told{}, translate(err)
	}
	text, secret, err := r.newSecret(ctx, client)
	if err != nil {
		return Told{}, err
	}
	told := r.tell(client)
	told.secret, told.secretEnds, told.hold = text, secret != nil, authz.NewToken("grt_")
	return told, translate(r.write(ctx, t, client, secret, told.hold))
}

// read makes a client of what it says of itself.
func (r *Registrar) read(body []byte, profile authz.ClientProfile) (authz.Client, error) {
	said, err := clientmeta.Parse(body, profile)
	if err != nil {
		return authz.Client{}, err
	}
	if len(said.SoftwareStatement) > 0 {
		return authz.Client{}, errStatement
	}
	if said.Name == "" {
		said.Name = "Unnamed application" // client_name is optional (RFC 7591 section 2)
	}
	return said.Client(authz.RegisteredDynamically, r.cfg.Scopes)
}

// write takes one use of the token and stores the client, in one transaction.
func (r *Registrar) write(ctx context.Context, t authz.RegistrationToken, c authz.Client, secret *authz.ClientSecret, hold authz.Secret) error {
	return r.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := r.cfg.Store.UseRegistrationToken(ctx, r.cfg.Issuer, t.Digest, r.cfg.Clock.Now()); err != nil {
			return err
		}
		if err := r.cfg.Store.CreateClient(ctx, c, secret); err != nil {
			return err
		}
		err := r.cfg.Store.CreateRegistration(ctx, authz.Registration{
			ClientID: c.ID, Issuer: c.Issuer, WorkspaceID: c.WorkspaceID, Digest: authz.Digest(hold.Reveal()), CreatedAt: c.CreatedAt,
		}, r.cfg.MaxClients)
		if errors.Is(err, authz.ErrConflict) {
			return errFull
		}
		if err != nil {
			return err
		}
		return r.record(ctx, act{c.WorkspaceID, "client.registered", t.ID, string(c.ID), map[string]any{"scopes": c.Scopes, "auth_method": c.AuthMethod}})
	})
}

func (r *Registrar) tell(c authz.Client) Told {
	return Told{Registration: clientmeta.Told(c), uri: r.cfg.URL + "/oauth2/register/" + string(c.ID), issuedAt: c.CreatedAt.Unix()}
}

// newSecret makes and hashes a secret; nil for a client that needs none.
func (r *Registrar) newSecret(ctx context.Context, c authz.Client) (authz.Secret, *authz.ClientSecret, error) {
	if !c.HasSecret() {
		return "", nil, nil
	}
	text := authz.NewToken("gcs_")
	hash, err := r.cfg.Hasher.HashMachine(ctx, text)
	if err != nil {
		return "", nil, err
	}
	shown := text.Reveal()
	return text, &authz.ClientSecret{ID: authz.NewID("cs"), ClientID: c.ID, Hash: hash, Last4: shown[len(shown)-4:], CreatedAt: c.CreatedAt}, nil
}

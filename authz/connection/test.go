package connection

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// TestLife is how long the link of a test sign-in is good.
const TestLife = 15 * time.Minute

// Test is a test sign-in that an administrator may make, once.
type Test struct {
	// ID is that of the request it becomes, which tells whether it was made.
	ID          string             `json:"id"`
	WorkspaceID authz.WorkspaceID  `json:"workspace_id"`
	Connection  authz.ConnectionID `json:"connection_id"`
	Side        authz.Side         `json:"side"`
	// Revision is what is tested.
	Revision  int64     `json:"revision"`
	By        string    `json:"by"`
	ExpiresAt time.Time `json:"expires_at"`
}

// NewTest is a test of a connection as it is.
func NewTest(c authz.Connection, side authz.Side, by string, now time.Time) Test {
	return Test{
		ID: authz.NewID("ar"), WorkspaceID: c.WorkspaceID, Connection: c.ID, Side: side, Revision: c.Revision, By: by, ExpiresAt: now.Add(TestLife),
	}
}

// Sealer encrypts what nobody else may make (authz/secret).
type Sealer interface {
	Seal(purpose, row string, plaintext []byte) ([]byte, error)
	Open(purpose, row string, sealed []byte) ([]byte, error)
}

const (
	testPurpose = "connection test"
	maxToken    = 2048
)

var errTest = errors.New("connection: no link of a test sign-in, or one that is over")

// Token is the test as a text for a URL.
func (t Test) Token(s Sealer, issuer authz.IssuerName) (string, error) {
	plain, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	sealed, err := s.Seal(testPurpose, string(issuer), plain)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// OpenTest is the inverse of Token.
func OpenTest(s Sealer, issuer authz.IssuerName, token string, now time.Time) (Test, error) {
	if len(token) > maxToken {
		return Test{}, errTest
	}
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return Test{}, errTest
	}
	plain, err := s.Open(testPurpose, string(issuer), sealed)
	if err != nil {
		return Test{}, errTest
	}
	var t Test
	if json.Unmarshal(plain, &t) != nil || !now.Before(t.ExpiresAt) {
		return Test{}, errTest
	}
	return t, nil
}

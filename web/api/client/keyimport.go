package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"
)

// ImportedKey is a key of another system, which keeps its text: what a new key
// has, and what the other system kept of it.
type ImportedKey struct {
	Name             string     `json:"name"`
	WorkspaceID      string     `json:"workspace_id,omitempty"`
	Environment      string     `json:"environment"`
	Scopes           []string   `json:"scopes"`
	ServiceAccountID string     `json:"service_account_id,omitempty"`
	Resources        Resources  `json:"resources,omitzero"`
	IPAllowlist      []string   `json:"ip_allowlist,omitempty"`
	ExpiresAt        *time.Time `json:"expires_at,omitempty"`
	Tier             string     `json:"tier,omitempty"`
	// Lookup is the beginning by which it is found, Last4 what it ends with.
	Lookup string    `json:"lookup,omitempty"`
	Last4  string    `json:"last4,omitempty"`
	Digest KeyDigest `json:"digest"`
}

// KeyDigest is what the other system kept of a key's text.
type KeyDigest struct {
	// Kind is sha256, sha512, hmac-sha256, bcrypt or argon2id.
	Kind  string `json:"kind"`
	Value Secret `json:"value"`
	// KeyID names the key of an HMAC in the server's configuration.
	KeyID string `json:"key_id,omitempty"`
}

// ImportReport is what became of each key.
type ImportReport struct {
	Imported int            `json:"imported"`
	Exists   int            `json:"exists"`
	Refused  int            `json:"refused"`
	Lines    []ImportedLine `json:"lines"`
}

// ImportedLine is what became of one key, which is imported whole or not at all.
type ImportedLine struct {
	Line   int    `json:"line"` // from 1
	Status string `json:"status"`
	ID     string `json:"id"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// MaxImport is how many keys one call imports.
const MaxImport = 200

// ImportKeys imports keys of another system, at most MaxImport. Each is an act of
// its own: asked again after a failure, those before it exist.
//
//	POST /v1/api-keys/import
func (a *API) ImportKeys(ctx context.Context, keys []ImportedKey, options ...Option) (*ImportReport, error) {
	if len(keys) == 0 || len(keys) > MaxImport {
		return nil, errors.New("client: 1 to 200 keys are imported at once")
	}
	var lines bytes.Buffer
	for _, k := range keys {
		line, err := json.Marshal(k)
		if err != nil {
			return nil, errors.New("client: a key that is to be imported is no JSON") // the reason may quote it
		}
		lines.Write(append(line, '\n'))
	}
	return ask[ImportReport](ctx, a, call{method: "POST", path: keysPath + "/import", raw: lines.Bytes(), media: "application/x-ndjson"}, options)
}

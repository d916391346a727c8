package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/strict"
)

const (
	// maxImport bounds a request with keys, and its lines; longestLine one of them.
	maxImport      = 512 << 10
	maxImportLines = 200
	longestLine    = 16 << 10
)

type importKeys struct {
	RawBody []byte `contentType:"application/x-ndjson" doc:"One JSON object a line: ImportedKey. At most 200 lines."`
}

// importedKey is a line: the members of a new key, and what the other system
// kept of it.
type importedKey struct {
	Name             string          `json:"name"`
	WorkspaceID      string          `json:"workspace_id"`
	Environment      string          `json:"environment"`
	Scopes           []string        `json:"scopes"`
	ServiceAccountID string          `json:"service_account_id"`
	Resources        authz.Resources `json:"resources"`
	IPAllowlist      []string        `json:"ip_allowlist"`
	ExpiresAt        *time.Time      `json:"expires_at"`
	Tier             string          `json:"tier"`
	Lookup           string          `json:"lookup"`
	Last4            string          `json:"last4"`
	Digest           struct {
		Kind  string `json:"kind"`
		Value string `json:"value"`
		KeyID string `json:"key_id"`
	} `json:"digest"`
}

// ImportReport is what became of each line.
type ImportReport struct {
	Imported int            `json:"imported"`
	Exists   int            `json:"exists"`
	Refused  int            `json:"refused"`
	Lines    []ImportedLine `json:"lines"`
}

// ImportedLine is what became of one line, which is imported whole or not at all.
type ImportedLine struct {
	Line   int    `json:"line" doc:"From 1."`
	Status string `json:"status" enum:"imported,exists,refused"`
	ID     string `json:"id,omitempty" doc:"The key's, if it was imported."`
	Code   string `json:"code,omitempty"`
	Detail string `json:"detail,omitempty" doc:"What is wrong with which member; it quotes none."`
}

var (
	errLines = authz.NewError(authz.Invalid, "invalid_request", "The body must be 1 to 200 lines of JSON, of 16 KiB at most.")
	errLine  = authz.NewError(authz.Invalid, "invalid_request", "The line must be one JSON object with the members of an imported key, each at most once.")
)

func (a *api) importRoute(h huma.API, path string) {
	o := operation(a, h, http.MethodPost, path+"/import", "import-keys", "Import keys of another system by their digests", http.StatusOK)
	o.MaxBodyBytes = maxImport
	o.Middlewares, o.Parameters = nil, nil // each line is an act of its own, and tells by itself that it was done
	add(a, h, o, a.importKeys)
}

// POST …/import: each line is imported by itself. An error that is not the
// line's fault ends the request; the lines before stay, and are told to exist
// when they come again.
func (a *api) importKeys(ctx context.Context, in *importKeys) (*answer[ImportReport], error) {
	lines := bytes.Split(bytes.TrimRight(in.RawBody, "\r\n"), []byte("\n"))
	if len(lines) > maxImportLines || len(in.RawBody) == 0 {
		return nil, errLines
	}
	report := ImportReport{Lines: make([]ImportedLine, 0, len(lines))}
	for n, line := range lines {
		told := ImportedLine{Line: n + 1, Status: "imported"}
		key, err := a.importLine(ctx, line)
		switch e, known := errors.AsType[*authz.Error](err); {
		case err == nil:
			told.ID = string(key.ID)
			report.Imported++
		case authz.CodeOf(err) == "already_imported":
			told.Status = "exists"
			report.Exists++
		case errors.Is(err, authz.ErrNotFound):
			told.Status, told.Code, told.Detail = "refused", "not_found", "The workspace or the service account is not there."
			report.Refused++
		case known && ofTheLine(e):
			told.Status, told.Code, told.Detail = "refused", e.Code, e.Description
			report.Refused++
		default:
			return nil, err
		}
		report.Lines = append(report.Lines, told)
	}
	return answered(report), nil
}

// ofTheLine reports whether an error says something of a line, and not of who
// sent it or of us.
func ofTheLine(e *authz.Error) bool {
	switch e.Kind {
	case authz.Invalid, authz.Conflict:
		return true
	case authz.Forbidden:
		return e.Code != "operator_required" && e.Code != "issuing_delegation_required"
	}
	return false
}

func (a *api) importLine(ctx context.Context, line []byte) (authz.APIKey, error) {
	var in importedKey
	if len(line) > longestLine || (strict.Rules{Depth: 4}).Check(line) != nil {
		return authz.APIKey{}, errLine
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if d.Decode(&in) != nil { // its error would quote the line
		return authz.APIKey{}, errLine
	}
	r := apikey.ImportRequest{
		Request: apikey.Request{
			Name: in.Name, WorkspaceID: authz.WorkspaceID(in.WorkspaceID), Environment: authz.Environment(in.Environment), Scopes: in.Scopes,
			ServiceAccountID: authz.ServiceAccountID(in.ServiceAccountID), Resources: in.Resources, IPAllowlist: in.IPAllowlist, Tier: in.Tier,
		},
		Lookup: in.Lookup, Last4: in.Last4,
		Digest: apikey.ForeignDigest{Kind: in.Digest.Kind, Value: in.Digest.Value, KeyID: in.Digest.KeyID},
	}
	if in.ExpiresAt != nil {
		r.ExpiresAt = *in.ExpiresAt
	}
	return a.cfg.Keys.Import(ctx, principal(ctx), authz.OriginFrom(ctx), r)
}

package client_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

// A key is revoked by its id where the product has that route, reported when it
// leaked, and keys of another system are imported line by line.
func TestS12_AKeyIsRevokedByItsIDReportedAndImported(t *testing.T) {
	for _, issuer := range demo.Issuers {
		api, ctx := issuer.Operator(t), t.Context()
		made, err := api.CreateKey(ctx, client.CreateKeyBody{Name: "leaks", WorkspaceID: issuer.WorkspaceID, Environment: "test", Scopes: readScopes(t, issuer)})
		if err != nil {
			t.Fatal(err)
		}
		if known, err := api.ReportLeak(ctx, client.LeakReport{Key: client.Secret(made.Key), URL: "https://paste.example/1?q=2"}); err != nil || !known {
			t.Errorf("%s: a key that leaked: %v, %v", issuer.Name, known, err)
		}
		last := "A"
		if strings.HasSuffix(made.Key, last) {
			last = "B"
		}
		if known, err := api.ReportLeak(ctx, client.LeakReport{Key: client.Secret(made.Key[:len(made.Key)-1] + last)}); err == nil && known {
			t.Errorf("%s: a key that nobody made is known", issuer.Name)
		}
		revoked, err := api.RevokeKeyByID(ctx, client.RevokeKeyBody{ID: made.ID, WorkspaceID: issuer.WorkspaceID})
		switch {
		case strings.HasPrefix(made.Key, "sp_") && (err != nil || revoked.Status != "revoked"):
			t.Errorf("%s: revoked by its id: %v, %v", issuer.Name, revoked, err)
		case strings.HasPrefix(made.Key, "up_") && err == nil:
			t.Errorf("%s has a route it does not tell of", issuer.Name)
		}
		report, err := api.ImportKeys(ctx, []client.ImportedKey{
			{Name: "old", WorkspaceID: issuer.WorkspaceID, Environment: "test", Scopes: readScopes(t, issuer), Lookup: "legacy_1", Digest: client.KeyDigest{Kind: "crc32", Value: "x"}},
			{Name: "older", WorkspaceID: "ws_nobody", Environment: "test", Scopes: readScopes(t, issuer), Digest: client.KeyDigest{Kind: "sha256", Value: client.Secret(strings.Repeat("ab", 32))}},
		})
		if err != nil || report.Refused != 2 || len(report.Lines) != 2 || report.Lines[1].Line != 2 || report.Lines[0].Code == "" {
			t.Errorf("%s: imported: %+v, %v", issuer.Name, report, err)
		}
		if _, err := api.ImportKeys(ctx, nil); err == nil {
			t.Error("nothing was imported")
		}
	}
}

package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/gatehouse-auth/gatehouse/"

// Who may import whom of ours; the first pattern that matches a package rules.
// A name stands for itself and everything below it.
var walls = []struct {
	of      string
	allowed []string
}{
	{"authz/oauth", []string{"authz", "authz/credential", "authz/proof"}},          // the protocol is checked by the hot path's clients
	{"authz/access", []string{"authz", "authz/credential", "authz/policy"}},        // asks the rules, remembers them under epochs
	{"authz/scope", []string{"authz", "authz/clientmeta", "authz/credential"}},     // remembers scopes under epochs
	{"authz/ratelimit/shared", []string{"authz", "authz/ratelimit"}},               // the same window in another place, and the one to fall back on
	{"authz/connection", []string{"authz", "authz/credential"}},                    // the same for those that people sign in by
	{"authz/clientdoc", []string{"authz", "authz/clientmeta", "authz/credential"}}, // beside the clients that have a row
	{"authz/delivery/envelope", []string{"authz/strict"}},
	{"authz/delivery/vault", []string{"authz"}},
	{"authz/delivery/awssecrets", []string{"authz"}},
	{"authz/delivery/deliverytest", nil},
	{"authz/delivery", []string{"authz", "authz/clientmeta", "authz/delivery/*", "authz/event"}}, // a sink of its own, with its own dispatcher
	{"authz", []string{"authz", "authz/clientmeta", "authz/role", "authz/strict"}},               // what may be registered, and what JSON is taken, are pure packages for all
	{"idp/oidc", []string{"idp", "idp/outbound"}},
	{"idp/saml", []string{"idp", "idp/outbound"}},
	{"idp/mfa", nil},
	{"idp/outbound", nil},
	{"idp/idptest", []string{"idp"}},
	{"idp", nil},
	{"config/internal", []string{"config"}}, // generators of what is committed
	{"config", nil},
	{"storage/storagetest", []string{"authz", "storage"}},
	{"storage", []string{"authz", "idp"}},
	{"web", []string{"authz", "authz/*", "idp", "web/*"}},
	{"cmd", []string{"*"}},
}

// What one package, or a few, alone may import of others'. fosite's own
// version of go-jose, v3, comes with it.
var owners = map[string][]string{
	"github.com/ory/fosite":               {"authz/oauth"},
	"github.com/go-jose/go-jose/v3":       {"authz/oauth"},
	"github.com/go-jose/go-jose/v4":       {"authz/delivery/envelope", "authz/jwks", "authz/oauth", "authz/proof", "idp/oidc", "idp/idptest"},
	"golang.org/x/crypto/argon2":          {"authz/secret"},
	"golang.org/x/crypto/bcrypt":          {"authz/secret"},
	"gorm.io":                             {"storage"},
	"modernc.org/sqlite":                  {"storage"},
	"github.com/jackc/pgx":                {"storage"},
	"github.com/pressly/goose":            {"storage"},
	"github.com/crewjam/saml":             {"idp/saml"},
	"github.com/russellhaering/goxmldsig": {"idp/saml"},
	"github.com/go-webauthn":              {"idp/mfa"},
	"github.com/pquerna/otp":              {"idp/mfa"},
	"github.com/coreos/go-oidc":           {"idp/oidc", "cmd"}, // the demo's sample application is a client like any other
	"golang.org/x/oauth2":                 {"idp/oidc", "cmd"},
	"github.com/danielgtaylor/huma":       {"web/api"},
	"github.com/prometheus":               {"web"},
	"github.com/spf13/cobra":              {"cmd"},
	"github.com/goccy/go-yaml":            {"config"},
	"github.com/valkey-io/valkey-go":      {"authz/ratelimit/shared"},
	"github.com/hashicorp/vault":          {"authz/delivery/vault"},
	"github.com/aws":                      {"authz/delivery/awssecrets"},
	"github.com/invopop/jsonschema":       {"config/internal"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

// packages are ours, as the build sees them: without their tests.
func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func within(name, root string) bool { return name == root || strings.HasPrefix(name, root+"/") }

func TestNobodyImportsThroughAWall(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		for _, i := range p.Imports {
			if other, ours := strings.CutPrefix(i, module); ours {
				if !mayImport(name, other) {
					t.Errorf("%s imports %s", name, other)
				}
				continue
			}
			for library, owned := range owners {
				if within(i, library) && !slices.ContainsFunc(owned, func(o string) bool { return within(name, o) }) {
					t.Errorf("%s imports %s, which is %v's", name, i, owned)
				}
			}
		}
	}
}

func mayImport(name, other string) bool {
	for _, w := range walls {
		if !within(name, w.of) {
			continue
		}
		return slices.ContainsFunc(w.allowed, func(pattern string) bool {
			ok, _ := path.Match(pattern, other)
			return ok || pattern == "*"
		})
	}
	return false
}

func TestTheNounsNeedTheStandardLibraryOnly(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath != module+"authz" && p.ImportPath != module+"idp" {
			continue
		}
		for _, i := range p.Imports {
			if strings.Contains(i, ".") {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
		}
	}
}

package client_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

// hidden has one of every type that shows a secret, with each of them in it.
var hidden = map[string]any{
	"Key": client.Key{Key: "SECRET"}, "RotatedKey": client.RotatedKey{Key: "SECRET"}, "RevokedKey": client.RevokedKey{Key: "SECRET"},
	"Client": client.Client{ClientSecret: "SECRET"}, "BreakGlass": client.BreakGlass{Link: "SECRET"}, "Destination": client.Destination{SigningSecret: "SECRET"},
	"DestinationSecrets": client.DestinationSecrets{Token: "SECRET", SecretID: "SECRET", SecretAccessKey: "SECRET"},
	"Invitation":         client.Invitation{Token: "SECRET", Link: "SECRET"}, "RegistrationToken": client.RegistrationToken{Token: "SECRET"},
	"Secret": client.Secret("SECRET"), "within the credentials' value": &struct{ C *client.ClientCredentials }{&client.ClientCredentials{ClientSecret: "SECRET", APIKey: "SECRET"}},
	"ClientCredentials": &client.ClientCredentials{ClientSecret: "SECRET", APIKey: "SECRET"}, "within a configuration": client.Config{Credential: client.APIKey("SECRET")},
	"within an API": api("SECRET"), "LeakReport": client.LeakReport{Key: "SECRET"}, "ImportedKey": client.ImportedKey{Digest: client.KeyDigest{Value: "SECRET"}},
	"Token": client.Token{AccessToken: "SECRET"}, "within another": client.BlastRadius{Key: client.Key{Key: "SECRET"}},
	"within a body": client.DestinationChange{Secrets: client.DestinationSecrets{Token: "SECRET"}},
}

// api is asked by nobody.
func api(key string) *client.API {
	made, err := client.New(client.Config{URL: "https://api.example", Credential: client.APIKey(key)})
	if err != nil {
		panic(err)
	}
	return made
}

// A value whose pointer hides its secrets hides them too.
func TestCredentialsByValueDoNotPrintTheirSecret(t *testing.T) {
	for what, v := range map[string]any{"credentials": reflect.ValueOf(&client.ClientCredentials{ClientSecret: "SECRET", APIKey: "SECRET"}).Elem(), "an API": reflect.ValueOf(api("SECRET")).Elem()} {
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			if told := fmt.Sprintf(verb, v); strings.Contains(told, "SECRET") {
				t.Errorf("%s by %s: %s", what, verb, told)
			}
		}
	}
}

func TestWhatShowsASecretDoesNotPrintIt(t *testing.T) {
	for name, v := range hidden {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if told := fmt.Sprintf(verb, v); strings.Contains(told, "SECRET") {
				t.Errorf("%s prints its secret by %s: %s", name, verb, told)
			}
		}
		if strings.HasPrefix(name, "within") {
			continue
		}
		if v, ok := v.(slog.LogValuer); !ok || strings.Contains(v.LogValue().String(), "SECRET") {
			t.Errorf("%s is logged with its secret", name)
		}
	}
}

// secretName is what members are called that hold a secret as text.
var secretName = regexp.MustCompile(`json:"(key|token|link|[a-z_]*_secret|secret|secret_id|secret_access_key|[a-z_]*password)[,"]`)

// Nothing that is generated another time shows a secret that nobody hides.
func TestEveryGeneratedTypeWithASecretHidesIt(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "openapi.gen.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		body, ok := spec.Type.(*ast.StructType)
		if !ok {
			return false
		}
		for _, f := range body.Fields.List {
			if kind, ok := f.Type.(*ast.Ident); !ok || kind.Name != "string" || f.Tag == nil || !secretName.MatchString(f.Tag.Value) {
				continue
			}
			found++
			if hidden[spec.Name.Name] == nil {
				t.Errorf("%s.%s is a secret that is printed", spec.Name.Name, f.Names[0].Name)
			}
		}
		return false
	})
	if found < 10 {
		t.Errorf("only %d secrets were found", found)
	}
}

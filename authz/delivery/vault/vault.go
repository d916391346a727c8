// Package vault writes the text of a key into a secret of HashiCorp Vault, or
// OpenBao: a KV engine of version 2, by its official client.
//
//	AppRole login, unless there is a token
//	read the secret → ours already? done → newer, or somebody else's? refuse
//	write it with the version that was read (check-and-set)
package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/vault/api"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Carrier writes to Vault.
type Carrier struct {
	// Client must refuse addresses nobody may reach from here (idp/outbound).
	Client *http.Client
	// CheckURL says whether a URL may be saved.
	CheckURL func(url string) error
}

// segment is one of a mount or path: what means the same in a URL as in Vault.
var segment = regexp.MustCompile(`^[A-Za-z0-9_.@=-]+$`)

func invalid(member, fault string) error {
	return authz.NewError(authz.Invalid, "invalid_request", member+": "+fault)
}

// Check says what cannot work about a target.
func (c Carrier) Check(t authz.DestinationTarget, s authz.DestinationSecrets) error {
	const parts = "must be segments of letters, digits and _.@=-, with / between"
	switch {
	case t.URL == "" || c.CheckURL(t.URL) != nil || strings.ContainsAny(t.URL, "?") || bare(t.URL) != nil:
		return invalid("url", "must be an https URL this server may talk to, of Vault itself")
	case !segments(t.Mount):
		return invalid("mount", parts)
	case !segments(t.For("x", "x").Path):
		return invalid("path", parts+"; {service_account_id} and {environment} stand for those of the key")
	case t.Namespace != "" && !segments(t.Namespace):
		return invalid("namespace", parts)
	case (t.RoleID == "") != (s.SecretID == ""), (t.RoleID == "") == (s.Token == ""):
		return invalid("secrets", "give a token, or the role_id and secret_id of an AppRole")
	case strings.ContainsFunc(s.Token.Reveal()+s.SecretID.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }):
		return invalid("secrets", "hold characters no header takes")
	}
	return nil
}

// bare refuses a URL with a path: the client adds its own.
func bare(raw string) error {
	u, err := url.Parse(raw)
	if err == nil && strings.Trim(u.Path, "/") != "" {
		err = errors.New("a path")
	}
	return err
}

func segments(path string) bool {
	parts := strings.Split(path, "/")
	return !slices.ContainsFunc(parts, func(s string) bool { return s == "." || s == ".." || !segment.MatchString(s) })
}

// Faults of what is there.
var (
	errNewer  = errors.New("the secret holds a newer key")
	errOthers = errors.New("the secret holds a key of another service account")
)

// Carry writes the members of the content into the secret, beside whatever else
// it holds, unless they are there.
func (c Carrier) Carry(ctx context.Context, to authz.Destination, s authz.DestinationSecrets, _ string, content []byte) error {
	var ours map[string]string
	if err := json.Unmarshal(content, &ours); err != nil {
		return errors.New("the content is no object of texts")
	}
	client, err := c.open(ctx, to.Target, s)
	if err != nil {
		return told(err)
	}
	kv := client.KVv2(to.Target.Mount)
	there, err := kv.Get(ctx, to.Target.Path)
	version := 0
	data := map[string]any{}
	switch {
	case errors.Is(err, api.ErrSecretNotFound):
	case err != nil:
		return told(err)
	default:
		if there.VersionMetadata != nil {
			version = there.VersionMetadata.Version
		}
		maps.Copy(data, there.Data) // nil of a version that was deleted
	}
	if written, err := compare(data, ours); written || err != nil {
		return err
	}
	for name, value := range ours {
		data[name] = value
	}
	_, err = kv.Put(ctx, to.Target.Path, data, api.WithCheckAndSet(version))
	return told(err)
}

// Try logs in and reads the secret, which need not be there yet.
func (c Carrier) Try(ctx context.Context, to authz.Destination, s authz.DestinationSecrets) error {
	client, err := c.open(ctx, to.Target, s)
	if err != nil {
		return told(err)
	}
	_, err = client.KVv2(to.Target.Mount).Get(ctx, to.Target.For(probe, authz.Live).Path)
	if errors.Is(err, api.ErrSecretNotFound) {
		return nil
	}
	return told(err)
}

// probe is the service account of nobody.
const probe = authz.ServiceAccountID("sa_test")

// compare says whether the content is there, or must not be written: an attempt
// that was slow must not put an older key in the place of a newer one.
func compare(there map[string]any, ours map[string]string) (written bool, err error) {
	member := func(name string) string { text, _ := there[name].(string); return text }
	switch {
	case member("key_id") == "":
		return false, nil
	case member("key_id") == ours["key_id"] && member("key") == ours["key"]:
		return true, nil
	case member("service_account_id") != ours["service_account_id"]:
		return false, errOthers
	case member("created_at") > ours["created_at"]: // RFC 3339 in UTC sorts as text
		return false, errNewer
	}
	return false, nil
}

// open is a client for one delivery. The environment of the process is not the
// customer's: nothing of it is used.
func (c Carrier) open(ctx context.Context, t authz.DestinationTarget, s authz.DestinationSecrets) (*api.Client, error) {
	own := *c.Client
	client, err := api.NewClient(&api.Config{Address: t.URL, HttpClient: &own, MaxRetries: 0, DisableRedirects: true})
	if err != nil {
		return nil, errors.New("making a client of Vault failed; is a variable VAULT_… set in the environment of this server?")
	}
	// All headers, a namespace of the environment's among them.
	client.SetHeaders(http.Header{api.RequestHeaderName: {"true"}})
	client.SetWrappingLookupFunc(func(string, string) string { return "" })
	if t.Namespace != "" {
		client.SetNamespace(t.Namespace)
	}
	client.ClearToken()
	if t.RoleID == "" {
		client.SetToken(s.Token.Reveal())
		return client, nil
	}
	login, err := client.Logical().WriteWithContext(ctx, "auth/approle/login", map[string]any{"role_id": t.RoleID, "secret_id": s.SecretID.Reveal()})
	if err != nil {
		return nil, err
	}
	if login == nil || login.Auth == nil || login.Auth.ClientToken == "" {
		return nil, errors.New("the AppRole login gave no token")
	}
	client.SetToken(login.Auth.ClientToken)
	return client, nil
}

// told is an error without anything that the other side wrote, and without the
// address: only its status.
func told(err error) error {
	if err == nil {
		return nil
	}
	if answered, ok := errors.AsType[*api.ResponseError](err); ok {
		//lint:ignore ST1005 a name
		return fmt.Errorf("Vault answered %d", answered.StatusCode) //nolint:staticcheck // a name
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("asking Vault: %w", failed.Err)
	}
	return errors.New("what Vault answered could not be read")
}

package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

var destinationMembers = []string{"id", "name", "kind", "target", "status", "signing_secret", "revision", "created_at"}

// maxDestinationFile is the longest file a key or secret is read from.
const maxDestinationFile = 16 << 10

func newKeyDestination() *cobra.Command {
	t := &things{
		remote: &remote{}, use: "key-destination", short: "Say where the texts of keys that replaced others are brought",
		path: "/v1/key-destinations", members: destinationMembers,
	}
	return t.command(t.createDestination(), t.updateDestination(),
		t.byID("delete", "Delete a destination that no key names", http.MethodDelete, ""),
		t.testDestination(),
		t.byID("rotate-secret", "Give a webhook a new signing secret, which is shown this once", http.MethodPost, "/rotate-secret"))
}

// destinationFiles are what is read from files: keys, which are long, and
// secrets, which must not stand in a shell's history.
type destinationFiles struct{ jwk, token, secretID, secretAccessKey string }

func (f *destinationFiles) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.jwk, "jwk-file", "", "of a webhook: file with the public key that the text is encrypted to, a JWK or a JWK Set; - is standard input")
	flags.StringVar(&f.token, "token-file", "", "of Vault: file with the token")
	flags.StringVar(&f.secretID, "secret-id-file", "", "of Vault: file with the secret id of the AppRole")
	flags.StringVar(&f.secretAccessKey, "secret-access-key-file", "", "of Secrets Manager: file with the secret access key")
}

// secrets are those that were given.
func (f *destinationFiles) secrets() (map[string]any, error) {
	secrets := map[string]any{}
	for member, file := range map[string]string{"token": f.token, "secret_id": f.secretID, "secret_access_key": f.secretAccessKey} {
		if file == "" {
			continue
		}
		text, err := readInput(file, maxDestinationFile)
		if err != nil {
			return nil, err
		}
		secrets[member] = strings.TrimSpace(string(text))
	}
	return secrets, nil
}

// key is the public key; nil where none was given.
func (f *destinationFiles) key() (json.RawMessage, error) {
	if f.jwk == "" {
		return nil, nil
	}
	text, err := readInput(f.jwk, maxDestinationFile)
	if err == nil && !json.Valid(text) {
		err = usagef("%s holds no JSON", f.jwk)
	}
	return text, err
}

func (t *things) createDestination() *cobra.Command {
	c := &cobra.Command{
		Use: "create", Short: "Create a destination; the signing secret of a webhook is shown this once",
		Long: `Create a destination. Where it is cannot be changed later: whoever could move it would
be given the keys that are brought there.

A webhook is sent the new text encrypted to --jwk-file (JWE), in a request signed with
the secret that is shown this once (Standard Webhooks). Vault, and AWS Secrets Manager,
hold the new text as a secret of theirs.`,
	}
	s := newSettings().text(c, "name", "name", "name of the destination").text(c, "kind", "kind", "webhook, vault or aws_secrets_manager")
	target := newSettings().text(c, "url", "url", "of the webhook, of Vault, or an endpoint of Secrets Manager other than the region's own").
		text(c, "namespace", "namespace", "of Vault").text(c, "mount", "mount", "of Vault: where the KV engine, version 2, is mounted").
		text(c, "path", "path", "of Vault: the secret; {service_account_id} and {environment} stand for those of the key").
		text(c, "role-id", "role_id", "of Vault: an AppRole").
		text(c, "secret-arn", "secret_arn", "of Secrets Manager: the secret, which exists").
		text(c, "access-key-id", "access_key_id", "of Secrets Manager")
	var files destinationFiles
	files.add(c)
	_ = c.MarkFlagRequired("name")
	_ = c.MarkFlagRequired("kind")
	c.RunE = func(c *cobra.Command, _ []string) error {
		body, where := s.body(c), target.body(c)
		key, err := files.key()
		if err != nil {
			return err
		}
		if key != nil {
			where["jwk"] = key
		}
		if body["secrets"], err = files.secrets(); err != nil {
			return err
		}
		body["target"] = where
		setText(body, "workspace_id", t.workspace)
		return t.do(c, http.MethodPost, t.path, body, t.members)
	}
	return c
}

func (t *things) testDestination() *cobra.Command {
	return &cobra.Command{
		Use: "test ID", Short: "Ask a destination whether it would take a key, and bring it none", Args: cobra.ExactArgs(1),
		Long: `Ask a destination whether it would take a key, and bring it none.

A webhook is sent a signed event, key_destination.test, with something encrypted to its
public key. Vault is logged in to and the secret is read; it need not be there yet. Of
Secrets Manager the secret is described, which takes secretsmanager:DescribeSecret.`,
		RunE: func(c *cobra.Command, args []string) error {
			answer, err := t.call(c.Context(), http.MethodPost, t.at(args[0], "/test"), nil)
			if err != nil {
				return err
			}
			var said struct {
				OK bool `json:"ok"`
			}
			if err := cmp.Or(json.Unmarshal(answer, &said), t.print(answer, "ok", "error")); err != nil || said.OK {
				return err
			}
			return errors.New("the destination would not take a key; what is wrong is above")
		},
	}
}

func (t *things) updateDestination() *cobra.Command {
	c := &cobra.Command{Use: "update ID", Short: "Change a destination, but not where it is", Args: cobra.ExactArgs(1)}
	s := newSettings().text(c, "name", "name", "name of the destination").
		text(c, "status", "status", "active or disabled: what is on its way then waits").
		text(c, "access-key-id", "access_key_id", "of Secrets Manager")
	var files destinationFiles
	files.add(c)
	revision := revisionFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		body := s.body(c)
		key, err := files.key()
		if err != nil {
			return err
		}
		if key != nil {
			body["jwk"] = key
		}
		secrets, err := files.secrets()
		if err != nil {
			return err
		}
		if len(secrets) > 0 {
			body["secrets"] = secrets
		}
		if len(body) == 0 {
			return usagef("nothing to change: give a flag")
		}
		return t.change(c, *revision, http.MethodPatch, t.at(args[0], ""), body, t.members)
	}
	return c
}

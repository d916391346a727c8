package main

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newKeyRotate(r *remote, workspace *string) *cobra.Command {
	var grace string
	c := &cobra.Command{
		Use: "rotate [ID]", Short: "Replace a key by a successor, whose text is shown this once",
		Long: `Replace a key by a successor, whose text is shown this once. The successor may do what
the old key may; the old one stays valid for its grace. Without an ID it is the key in
the environment that is replaced: any key may replace itself.

Asked again within ten minutes, the same caller gets the same answer. A key that was
replaced by its schedule is answered with the successor that waits for it.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return keyArgument(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			id, err := r.keyOr(args)
			if err != nil {
				return err
			}
			body := map[string]any{}
			setText(body, "grace", grace)
			path, err := r.keysPath(c.Context())
			if err != nil {
				return err
			}
			members := slices.Concat(keyMembers, []string{"predecessor_id", "replaces"})
			return r.do(c, http.MethodPost, path+keyPath(id, "/rotate", *workspace), body, members)
		},
	}
	c.Flags().StringVar(&grace, "grace", "", "how long the old key stays valid, such as PT24H or P3D; the issuer's default without it")
	return c
}

// keyOr is the id that was given, or that of the key in the environment.
func (r *remote) keyOr(args []string) (string, error) {
	if len(args) > 0 {
		return args[0], nil
	}
	key, err := r.key()
	if err != nil {
		return "", err
	}
	const shown = 16 // the characters of a key's body that are its id
	parts := strings.SplitN(key, "_", 3)
	if len(parts) < 3 || len(parts[2]) < shown {
		return "", usagef("the API key in the environment is none: give the id of a key")
	}
	return "key_" + parts[2][:shown], nil
}

func newKeyGrace(r *remote, workspace *string) *cobra.Command {
	var until string
	var end bool
	c := &cobra.Command{
		Use: "grace ID", Short: "Extend or cut how long a replaced key stays valid",
		Args: keyArgument,
		RunE: func(c *cobra.Command, args []string) error {
			if end == (until != "") {
				return usagef("give --until or --end; see gatehouse key grace --help")
			}
			if end {
				until = time.Unix(0, 0).UTC().Format(time.RFC3339) // whatever the clock of this machine says
			}
			return r.doKeys(c, http.MethodPatch, keyPath(args[0], "", *workspace), map[string]any{"grace_until": until})
		},
	}
	c.Flags().StringVar(&until, "until", "", "when the key stops, such as 2027-01-31T00:00:00Z, at most 30 days ahead")
	c.Flags().BoolVar(&end, "end", false, "stop it at once")
	return c
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"
)

// What is sent at once, and the longest line, in bytes: what the API takes.
const (
	importLines = 100
	importBytes = 256 << 10
	importLine  = 16 << 10
)

func newKeyImport(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "import FILE", Short: "Import keys of another system by their digests", Args: cobra.ExactArgs(1),
		Long: `Imports the keys of FILE ("-" for standard input), one JSON object a line:

  {"name": "ci", "workspace_id": "ws_…", "environment": "live", "scopes": ["monitor:read"],
   "lookup": "acme_sk_abcdef", "last4": "wxyz", "digest": {"kind": "bcrypt", "value": "$2b$10$…"}}

Kinds of digests are sha256, sha512 (hex or base64), hmac-sha256 (with "key_id"), bcrypt
and argon2id. "lookup" is the beginning of the key, as long as its layout in the
server's keys.imported_layouts says; sha256 and sha512 need none. Members of a new
key may be there too. A key is verified by its digest once, and then hashed as ours.

Each line is imported whole or not at all, and reported. A key that is there already is
left as it is, so that an import that was cut short is simply run again.`,
		RunE: func(c *cobra.Command, args []string) error {
			if r.output != "text" && r.output != "json" {
				return usagef("-o must be text or json")
			}
			in, err := openInput(args[0])
			if err != nil {
				return err
			}
			defer func() { _ = in.Close() }()
			path, err := r.keysPath(c.Context())
			if err != nil {
				return err
			}
			i := &keyImport{remote: r, path: path + "/import", out: os.Stdout, progress: newProgress(os.Stderr)}
			return i.run(c.Context(), in)
		},
	}
}

// keyImport sends lines in batches.
type keyImport struct {
	remote   *remote
	path     string
	out      io.Writer
	progress *progress
	batch    bytes.Buffer
	numbers  []int // of the lines of the batch, in the file
	imported int
	exists   int
	refused  int
}

// lineReport is what became of a line; the API's, with the line of the file.
type lineReport struct {
	Line   int    `json:"line"`
	Status string `json:"status"`
	ID     string `json:"id,omitempty"`
	Code   string `json:"code,omitempty"`
	Detail string `json:"detail,omitempty"`
}

func (i *keyImport) run(ctx context.Context, in io.Reader) error {
	lines := bufio.NewReaderSize(&counted{in: in, ctx: ctx, progress: i.progress}, importLine+1)
	for number := 1; ; number++ {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			if err := i.tooLong(lines, number); err != nil {
				return err
			}
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return err
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			if err := i.add(ctx, number, text); err != nil {
				return err
			}
		}
		if err != nil {
			break
		}
	}
	if err := i.flush(ctx); err != nil {
		return err
	}
	return i.verdict()
}

// tooLong passes over the rest of a line that no server takes.
func (i *keyImport) tooLong(lines *bufio.Reader, number int) error {
	for {
		_, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		return i.tell(lineReport{Line: number, Status: "refused", Code: "invalid_request", Detail: "The line is longer than 16 KiB."})
	}
}

func (i *keyImport) add(ctx context.Context, number int, line []byte) error {
	if len(i.numbers) == importLines || i.batch.Len()+len(line) > importBytes {
		if err := i.flush(ctx); err != nil {
			return err
		}
	}
	i.batch.Write(line)
	i.batch.WriteByte('\n')
	i.numbers = append(i.numbers, number)
	return nil
}

func (i *keyImport) flush(ctx context.Context) error {
	if len(i.numbers) == 0 {
		return nil
	}
	answer, _, err := i.remote.send(ctx, request{method: http.MethodPost, path: i.path, media: "application/x-ndjson", body: i.batch.Bytes()})
	if err != nil {
		i.progress.clear()
		return fmt.Errorf("after %d keys, at lines %d to %d: %w; run it again once that is mended",
			i.imported+i.exists, i.numbers[0], i.numbers[len(i.numbers)-1], err)
	}
	var report struct{ Lines []lineReport }
	if err := json.Unmarshal(answer, &report); err != nil || len(report.Lines) != len(i.numbers) {
		return errors.New("the server answered, and not as the management API does: is it served at --url?")
	}
	for n, line := range report.Lines {
		line.Line = i.numbers[n]
		if err := i.tell(line); err != nil {
			return err
		}
	}
	i.batch.Reset()
	i.numbers = i.numbers[:0]
	return nil
}

// tell reports a line: all of them as JSON, else those that were refused.
func (i *keyImport) tell(line lineReport) error {
	switch line.Status {
	case "imported":
		i.imported++
	case "exists":
		i.exists++
	default:
		i.refused++
	}
	if i.remote.output == "json" {
		i.progress.clear()
		return json.NewEncoder(i.out).Encode(line)
	}
	if line.Status == "imported" || line.Status == "exists" {
		return nil
	}
	i.progress.clear()
	_, err := fmt.Fprintf(i.out, "line %d: %s (%s)\n", line.Line, line.Detail, line.Code)
	return err
}

func (i *keyImport) verdict() error {
	i.progress.clear()
	if i.remote.output == "text" {
		if _, err := fmt.Fprintf(i.out, "%d imported, %d there already, %d refused\n", i.imported, i.exists, i.refused); err != nil {
			return err
		}
	}
	if i.refused > 0 {
		return fmt.Errorf("%d lines were refused: mend them and run it again", i.refused)
	}
	return nil
}

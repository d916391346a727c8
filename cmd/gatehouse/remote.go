package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// remote is the management API of a running server, as the command line uses
// it: commands do nothing that the API does not offer.
type remote struct {
	base   string
	output string
}

// keyVariable is where the key is looked for first, productVariables are where
// the products keep theirs.
const keyVariable = "GATEHOUSE_API_KEY"

var productVariables = []string{"UP_API_KEY", "SP_API_KEY"}

func (r *remote) flags(c *cobra.Command) {
	c.PersistentFlags().StringVar(&r.base, "url", envOr("GATEHOUSE_URL", "http://127.0.0.1:8080"), "where the API is served (or GATEHOUSE_URL)")
	c.PersistentFlags().StringVarP(&r.output, "output", "o", "text", "text or json")
}

func envOr(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

// key finds the API key in the environment: a key on the command line would
// end up in the shell's history. With the keys of two products there it does
// not guess: the wrong one would go to a server that must not see it.
func (r *remote) key() (string, error) {
	if v := os.Getenv(keyVariable); v != "" {
		return v, nil
	}
	var found []string
	for _, name := range productVariables {
		if v := os.Getenv(name); v != "" {
			found = append(found, v)
		}
	}
	switch len(found) {
	case 0:
		return "", usagef("no API key: set %s or %s", keyVariable, strings.Join(productVariables, " or "))
	case 1:
		return found[0], nil
	}
	return "", usagef("several API keys: %s are set; set %s to the one for this server", strings.Join(productVariables, " and "), keyVariable)
}

const maxAnswer = 8 << 20

// call sends a request and decodes the answer; a problem becomes an error.
func (r *remote) call(ctx context.Context, method, path string, in any) (json.RawMessage, error) {
	answer, _, err := r.conditional(ctx, method, path, in, "")
	return answer, err
}

// conditional is call for what was read before under an ETag; it returns that of
// the answer.
func (r *remote) conditional(ctx context.Context, method, path string, in any, ifMatch string) (body json.RawMessage, etag string, err error) {
	if r.output != "text" && r.output != "json" {
		return nil, "", usagef("-o must be text or json")
	}
	if in == nil {
		return r.send(ctx, request{method: method, path: path, ifMatch: ifMatch})
	}
	text, err := json.Marshal(in)
	if err != nil {
		return nil, "", err
	}
	return r.send(ctx, request{method: method, path: path, ifMatch: ifMatch, media: "application/json", body: text})
}

// request is what is sent: without a media type no body is.
type request struct {
	method, path, ifMatch, media string
	once                         string // the Idempotency-Key
	body                         []byte
}

// send sends a request and, where its answer was lost or is to come later, sends
// it again under the same Idempotency-Key: what it asks for is done once.
func (r *remote) send(ctx context.Context, sent request) (body json.RawMessage, etag string, err error) {
	key, err := r.key()
	if err != nil {
		return nil, "", err
	}
	if sent.method == http.MethodPost {
		sent.once = authz.NewID("cli")
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for try := 1; ; try++ {
		got, err := r.try(ctx, key, sent)
		wait, again := got.repeatable(err)
		if again && try < maxTries && (sent.method == http.MethodGet || sent.once != "") {
			select {
			case <-time.After(wait):
				continue
			case <-ctx.Done():
			}
		}
		switch _, usage := errors.AsType[*usageError](err); {
		case usage:
			return nil, "", err
		case err != nil:
			return nil, "", fmt.Errorf("%s cannot be reached: %w", r.base, innermost(err))
		case got.code >= http.StatusBadRequest:
			return nil, "", problem(got.status, got.body)
		}
		return got.body, got.header.Get("ETag"), nil
	}
}

// innermost is what went wrong with the network, without addresses.
func innermost(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

// maxTries is how often one request is sent, longestWait how long a server may
// ask to wait.
const (
	maxTries    = 3
	longestWait = 5 * time.Second
)

// received is an answer that was read to its end.
type received struct {
	code   int
	status string
	header http.Header
	body   []byte
}

func (r *remote) try(ctx context.Context, key string, sent request) (received, error) {
	req, err := http.NewRequestWithContext(ctx, sent.method, strings.TrimRight(r.base, "/")+sent.path, bytes.NewReader(sent.body))
	if err != nil {
		return received{}, usagef("--url is no URL")
	}
	req.Header.Set("Authorization", "Bearer "+key)
	for name, value := range map[string]string{"If-Match": sent.ifMatch, "Content-Type": sent.media, "Idempotency-Key": sent.once} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return received{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return received{}, err
	}
	return received{resp.StatusCode, resp.Status, resp.Header, body}, nil
}

// repeatable reports whether a request may be worth sending again, and when: its
// answer was lost, the server asks to come back, or the first of two with the
// same key is still being carried out.
func (got received) repeatable(err error) (wait time.Duration, again bool) {
	if err != nil {
		lost, _ := errors.AsType[*net.OpError](err)
		return 100 * time.Millisecond, errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || lost != nil && lost.Op == "read"
	}
	var p struct{ Code string }
	running := got.code == http.StatusConflict && json.Unmarshal(got.body, &p) == nil && p.Code == "request_in_progress"
	if running {
		return time.Second, true
	}
	seconds, err := strconv.Atoi(got.header.Get("Retry-After"))
	wait = time.Duration(seconds) * time.Second
	return wait, err == nil && got.code == http.StatusServiceUnavailable && wait <= longestWait
}

func problem(status string, answer []byte) error {
	var p struct {
		Detail string `json:"detail"`
		Code   string `json:"code"`
		Errors []struct{ Location, Message string }
	}
	if json.Unmarshal(answer, &p) != nil || p.Code == "" {
		return fmt.Errorf("the server answered %s, and not as the management API does: is it served at --url?", status)
	}
	text := p.Detail
	for _, e := range p.Errors {
		text += "; " + e.Location + ": " + e.Message
	}
	if p.Code == "not_found" {
		return &notThere{text + " (" + p.Code + ")"}
	}
	return fmt.Errorf("%s (%s)", text, p.Code)
}

// notThere says that the server has no such object.
type notThere struct{ text string }

func (e *notThere) Error() string { return e.text }

// print shows an answer: as it came with -o json, else the named members.
func (r *remote) print(answer json.RawMessage, members ...string) error {
	if r.output == "text" {
		return printText(answer, members)
	}
	if len(answer) == 0 {
		return nil
	}
	var out bytes.Buffer
	if err := json.Indent(&out, answer, "", "  "); err != nil {
		return err
	}
	fmt.Println(out.String())
	return nil
}

func printText(answer json.RawMessage, members []string) error {
	if len(answer) == 0 {
		fmt.Println("done")
		return nil
	}
	var page struct {
		Items      []map[string]any `json:"items"`
		NextCursor string           `json:"next_cursor"`
	}
	if json.Unmarshal(answer, &page) == nil && page.Items != nil {
		return printTable(page.Items, page.NextCursor, members)
	}
	var one map[string]any
	if err := json.Unmarshal(answer, &one); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	for _, m := range members {
		if v, ok := one[m]; ok {
			_, _ = fmt.Fprintf(w, "%s\t%s\n", m, show(v))
		}
	}
	return w.Flush()
}

func printTable(items []map[string]any, next string, members []string) error {
	if len(items) == 0 {
		fmt.Println("none")
		return nil
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, strings.ToUpper(strings.Join(members, "\t")))
	for _, item := range items {
		cells := make([]string, 0, len(members))
		for _, m := range members {
			cells = append(cells, show(item[m]))
		}
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	if next != "" {
		_, _ = fmt.Fprintf(w, "… more: --cursor %s\n", next)
	}
	return w.Flush()
}

func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case []any:
		parts := make([]string, 0, len(v))
		for _, p := range v {
			parts = append(parts, show(p))
		}
		return strings.Join(parts, " ")
	case map[string]any:
		text, _ := json.Marshal(v)
		return string(text)
	}
	return fmt.Sprint(v)
}

// query renders the parameters that are set.
func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

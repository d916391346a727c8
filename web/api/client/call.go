package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// maxAnswer bounds an answer, in bytes; no page of the API is as long.
	maxAnswer = 8 << 20
	// maxTries bounds how often a request is sent.
	maxTries = 5
)

// call is one request of the API.
type call struct {
	method, path string
	query        url.Values
	body         any
	// raw is sent in place of a body, as media.
	raw   []byte
	media string
	// once says that the call takes an Idempotency-Key.
	once             bool
	onceKey, ifMatch string
	etag             *string
}

// ask carries a call out that has an answer.
func ask[T any](ctx context.Context, a *API, c call, options []Option) (*T, error) {
	body, err := a.send(ctx, c, options)
	if err != nil {
		return nil, err
	}
	out := new(T)
	if err := json.Unmarshal(body, out); err != nil {
		return nil, errors.New("client: the answer of " + c.method + " " + c.path + " is not as the API describes it") // the reason may quote a secret
	}
	return out, nil
}

// tell carries a call out that has none.
func tell(ctx context.Context, a *API, c call, options []Option) error {
	_, err := a.send(ctx, c, options)
	return err
}

// send sends the request until it is answered, or until waiting was long enough.
func (a *API) send(ctx context.Context, c call, options []Option) ([]byte, error) {
	for _, o := range options {
		o(&c)
	}
	if c.once && c.onceKey == "" {
		c.onceKey = rand.Text()
	}
	path, err := a.placed(ctx, c.path)
	if err != nil {
		return nil, err
	}
	c.path = path
	body := c.raw
	if c.body != nil {
		c.media = "application/json"
		if body, err = json.Marshal(c.body); err != nil {
			return nil, fmt.Errorf("client: %s %s: %w", c.method, c.path, err)
		}
	}
	left := a.maxWait
	for try, renewed := 1, false; ; try++ {
		got, err := a.once(ctx, c, body)
		refused, ok := errors.AsType[*Error](err)
		if !ok {
			return got, err
		}
		if refused.Status == http.StatusUnauthorized && !renewed && renew(a.credential, refused) {
			renewed = true
			continue
		}
		wait, later := refused.retryIn()
		if !later || wait > left || try == maxTries {
			return nil, err
		}
		left -= wait
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// once sends the request one time.
func (a *API) once(ctx context.Context, c call, body []byte) ([]byte, error) {
	target := a.base + c.path
	if len(c.query) > 0 {
		target += "?" + c.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, c.method, target, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("client: %s %s: %w", c.method, c.path, err)
	}
	r.Header.Set("User-Agent", a.agent)
	r.Header.Set("Accept", "application/json, application/problem+json")
	if c.media != "" {
		r.Header.Set("Content-Type", c.media)
	}
	if c.ifMatch != "" {
		r.Header.Set("If-Match", c.ifMatch)
	}
	if c.onceKey != "" {
		r.Header.Set("Idempotency-Key", c.onceKey)
	}
	if err := a.credential.Authorize(ctx, r); err != nil {
		return nil, err
	}
	got, err := exchange(a.http, r)
	if err != nil {
		return nil, err
	}
	if got.status >= http.StatusMultipleChoices {
		return nil, refusal(got)
	}
	if c.etag != nil {
		*c.etag = got.header.Get("ETag")
	}
	return got.body, nil
}

// answer is one that was read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// exchange sends a request and reads all of a bounded answer.
func exchange(client *http.Client, r *http.Request) (answer, error) {
	resp, err := client.Do(r)
	if err != nil {
		return answer{}, fmt.Errorf("client: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return answer{}, fmt.Errorf("client: reading the answer of %s %s: %w", r.Method, r.URL.Path, err)
	}
	if len(body) > maxAnswer {
		return answer{}, fmt.Errorf("client: the answer of %s %s is too long", r.Method, r.URL.Path)
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

func sleep(ctx context.Context, wait time.Duration) error {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// keysPath is where the API description has API keys; a product may serve them
// elsewhere.
const keysPath = "/v1/api-keys"

// placed is the path as this server has it. Where keys are, its own description
// tells, and is asked once.
func (a *API) placed(ctx context.Context, path string) (string, error) {
	below, ok := strings.CutPrefix(path, keysPath)
	if !ok {
		return path, nil
	}
	a.keys.Lock()
	defer a.keys.Unlock()
	if a.keys.path == "" {
		description, err := ask[struct {
			Paths map[string]struct{} `json:"paths"`
		}](ctx, a, call{method: http.MethodGet, path: "/v1/openapi.json"}, nil)
		if err != nil {
			return "", err
		}
		a.keys.path = keysPath
		for _, other := range []string{"/v1/auth/keys"} {
			if _, ok := description.Paths[other]; ok {
				a.keys.path = other
			}
		}
	}
	return a.keys.path + below, nil
}

// retryAfter reads the header's seconds (RFC 9110 section 10.2.3); the API sends
// no dates.
func retryAfter(h http.Header) (time.Duration, bool) {
	n, err := strconv.ParseUint(h.Get("Retry-After"), 10, 31)
	return time.Duration(n) * time.Second, err == nil
}

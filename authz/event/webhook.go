package event

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxAnswer bounds what is read of a receiver's answer, in bytes. It is read
// to keep the connection and thrown away.
const maxAnswer = 64 << 10

// WebhookConfig is what a Webhook needs. Everything is required but Name.
type WebhookConfig struct {
	// Name of the sink; empty means "webhook".
	Name string
	// URL is http or https; where it may point is the Client's business.
	URL string
	// Secrets are one, or two while the secret is rotated: each "whsec_" and
	// the base64 of 24 to 64 bytes. Every event is signed with all of them.
	Secrets []authz.Secret
	// Client must refuse addresses nobody may reach from here (idp/outbound).
	// Redirects are not followed, whatever it says.
	Client *http.Client
	Clock  authz.Clock
}

// Webhook is a sink that posts events as Standard Webhooks.
type Webhook struct {
	name    string
	url     string
	secrets [][]byte
	client  http.Client
	clock   authz.Clock
}

// NewWebhook returns a webhook sink, or says what its configuration lacks. Its
// errors quote neither URL nor secret.
func NewWebhook(cfg WebhookConfig) (*Webhook, error) {
	if cfg.Client == nil || cfg.Clock == nil {
		return nil, errors.New("event: a webhook needs a client and a clock")
	}
	target, err := url.Parse(cfg.URL)
	if err != nil || target.Scheme != "https" && target.Scheme != "http" || target.Host == "" || target.User != nil {
		return nil, errors.New("event: a webhook's url must be http or https, without user and password")
	}
	if len(cfg.Secrets) == 0 || len(cfg.Secrets) > 2 {
		return nil, errors.New("event: a webhook has one secret, or two while it is rotated")
	}
	w := &Webhook{name: cfg.Name, url: cfg.URL, client: *cfg.Client, clock: cfg.Clock}
	if w.name == "" {
		w.name = "webhook"
	}
	for i, text := range cfg.Secrets {
		secret, err := parseSecret(text)
		if err != nil {
			return nil, fmt.Errorf("event: secret %d: %w", i, err)
		}
		w.secrets = append(w.secrets, secret)
	}
	// A redirect would carry the event to a host nobody configured.
	w.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return w, nil
}

// Name returns the sink's name.
func (w *Webhook) Name() string { return w.name }

// Deliver posts the event. Every 2xx is done, 410 is a permanent Failure, and
// anything else is tried again: receivers get repaired.
func (w *Webhook) Deliver(ctx context.Context, e authz.Event) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(e.Body))
	if err != nil {
		return errors.New("building the request failed")
	}
	now := w.clock.Now()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Gatehouse-Webhook/1")
	req.Header.Set("webhook-id", e.ID)
	req.Header.Set("webhook-timestamp", timestamp(now))
	req.Header.Set("webhook-signature", sign(w.secrets, e.ID, now, e.Body))
	resp, err := w.client.Do(req)
	if err != nil {
		return unquoted(err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	return judge(resp, now)
}

// unquoted drops the URL net/http puts into its errors: a receiver's URL may
// hold a token.
func unquoted(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("sending the request: %w", wrapped.Err)
	}
	return errors.New("sending the request failed")
}

func judge(resp *http.Response, now time.Time) error {
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return nil
	}
	return &Failure{
		Permanent:  resp.StatusCode == http.StatusGone,
		RetryAfter: retryAfter(resp.Header.Get("Retry-After"), now),
		Err:        fmt.Errorf("the receiver answered %d", resp.StatusCode),
	}
}

// retryAfter reads the Retry-After header (RFC 9110 section 10.2.3).
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(text); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}

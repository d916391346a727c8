package oidc

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/gatehouse-auth/gatehouse/idp/outbound"
)

// watched is a transport that tells how exchanges with the upstream go.
type watched struct {
	next    http.RoundTripper
	observe func(ctx context.Context, answered bool)
}

// watch returns the client with every exchange told to observe.
func watch(client *http.Client, observe func(context.Context, bool)) *http.Client {
	next := client.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	out := *client
	out.Transport = watched{next, observe}
	return &out
}

// RoundTrip implements http.RoundTripper.
func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r)
	if err != nil {
		w.failed(r.Context(), err)
		return nil, err
	}
	if resp.StatusCode >= http.StatusInternalServerError {
		w.observe(r.Context(), false)
		return resp, nil
	}
	resp.Body = &watchedBody{ReadCloser: resp.Body, told: sync.OnceFunc(func() { w.observe(r.Context(), true) }), failed: func(err error) { w.failed(r.Context(), err) }}
	return resp, nil
}

// failed tells of an exchange that did not come to an end, unless that was a
// visitor's doing or our own rule.
func (w watched) failed(ctx context.Context, err error) {
	ours := errors.Is(err, outbound.ErrBlocked) || errors.Is(err, outbound.ErrRedirect) || errors.Is(err, outbound.ErrTooLarge)
	if ours || errors.Is(err, context.Canceled) || errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	w.observe(ctx, false)
}

// watchedBody tells how reading an answer ended, once.
type watchedBody struct {
	io.ReadCloser
	told   func()
	failed func(error)
	broken bool
}

// Read implements io.Reader.
func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && !b.broken {
		b.broken = true
		b.failed(err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *watchedBody) Close() error {
	if !b.broken {
		b.told()
	}
	return b.ReadCloser.Close()
}

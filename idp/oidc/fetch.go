package oidc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/outbound"
)

// Bounds of the upstream's documents, in bytes.
const (
	maxMetadata = 256 << 10
	maxJWKS     = 512 << 10
	maxTokens   = 256 << 10
	maxUserInfo = 256 << 10
)

// answer is a response read to its end.
type answer struct {
	status    int
	mediaType string
	body      []byte
}

// get fetches a document.
func get(ctx context.Context, client *http.Client, url string, limit int64) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return answer{}, idp.Refuse(idp.ReasonMetadata, fmt.Errorf("building a request: %w", err))
	}
	return send(client, req, limit)
}

// send performs a request and reads at most limit bytes of its answer.
func send(client *http.Client, req *http.Request, limit int64) (answer, error) {
	req.Header.Set("Accept", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, transportError(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return answer{}, transportError(fmt.Errorf("reading %s: %w", req.URL.Path, err))
	}
	if int64(len(body)) > limit {
		return answer{}, idp.Refuse(idp.ReasonTooLarge, fmt.Errorf("%s is longer than %d bytes", req.URL.Path, limit))
	}
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return answer{resp.StatusCode, mediaType, body}, nil
}

// transportError gives a failed exchange its reason.
func transportError(err error) error {
	switch {
	case errors.Is(err, outbound.ErrBlocked), errors.Is(err, outbound.ErrRedirect):
		return idp.Refuse(idp.ReasonBlocked, err)
	case errors.Is(err, outbound.ErrTooLarge):
		return idp.Refuse(idp.ReasonTooLarge, err)
	}
	return unavailable(err)
}

func unavailable(err error) error { return idp.Refuse(idp.ReasonUnavailable, err) }

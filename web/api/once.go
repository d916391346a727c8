package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Onces remembers what was asked for under an Idempotency-Key.
type Onces interface {
	BeginOnce(ctx context.Context, want authz.Once, stale time.Time, limit int) (found authz.Once, mine bool, err error)
	FinishOnce(ctx context.Context, o authz.Once) error
	ForgetOnce(ctx context.Context, o authz.Once) error
}

const (
	onceHeader = "Idempotency-Key"
	// onceLife is how long a key is remembered.
	onceLife = 24 * time.Hour
	// onceStale is when an attempt that did nothing yet is given up: no request
	// takes as long.
	onceStale = 2 * time.Minute
	// maxOnces bounds the keys remembered of one workspace, maxKept an answer
	// that is kept, in bytes.
	maxOnces = 10_000
	maxKept  = 64 << 10
	// recordTime bounds the keeping of an answer nobody waits for.
	recordTime = 5 * time.Second
)

var (
	errOnceKey     = authz.NewError(authz.Invalid, "invalid_idempotency_key", "Idempotency-Key: must be 1 to 128 printable ASCII characters.")
	errOnceReused  = &Problem{Type: "about:blank", Title: "Unprocessable Entity", Status: http.StatusUnprocessableEntity, Code: "idempotency_key_reused", Detail: "The key was used for another request."}
	errOnceRunning = authz.NewError(authz.Conflict, "request_in_progress", "The request with this key is being carried out; ask again in a moment.")
	errOnceFull    = authz.NewError(authz.RateLimited, "too_many_idempotency_keys", "The workspace has too many keys remembered; they are forgotten after a day.")
)

// keepsAnswer marks an operation whose answer holds no secret, and may be given
// again.
const keepsAnswer = "keeps-answer"

// once carries a request with an Idempotency-Key out at most once. The answer
// to the first is the answer to every other, unless it showed a secret: that
// is nowhere any more.
func (a *api) once(h huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		key := ctx.Header(onceHeader)
		if key == "" {
			next(ctx)
			return
		}
		o, body, whole, err := a.onceOf(ctx, key)
		if err != nil {
			writeProblem(h, ctx, a.problem(ctx.Context(), err))
			return
		}
		watched := &watchedContext{humaContext: huma.WithContext(ctx, authz.WithOnce(ctx.Context(), o)), body: body}
		if !whole {
			next(watched) // too long for any operation: it will be told so
			return
		}
		found, mine, err := a.cfg.Onces.BeginOnce(ctx.Context(), o, o.CreatedAt.Add(-onceStale), maxOnces)
		switch {
		case authz.KindOf(err) == authz.Conflict:
			writeProblem(h, ctx, a.problem(ctx.Context(), errOnceFull))
		case err != nil:
			writeProblem(h, ctx, a.problem(ctx.Context(), err))
		case !mine:
			a.repeat(h, ctx, o, found)
		default:
			next(watched)
			a.concluded(ctx, o, watched)
		}
	}
}

// onceOf is the act a request asks for. whole is false for a body that is
// longer than the operation takes.
func (a *api) onceOf(ctx huma.Context, key string) (o authz.Once, body io.Reader, whole bool, err error) {
	odd := func(r rune) bool { return r < ' ' || r > '~' }
	if len(key) > 128 || strings.ContainsFunc(key, odd) {
		return o, nil, false, errOnceKey
	}
	limit := ctx.Operation().MaxBodyBytes
	sent, err := io.ReadAll(io.LimitReader(ctx.BodyReader(), limit+1))
	if err != nil {
		return o, nil, false, authz.NewError(authz.Invalid, "invalid_request", "The body could not be read.").Because(err)
	}
	by, u, now := principal(ctx.Context()), ctx.URL(), a.cfg.Clock.Now()
	o = authz.Once{
		Digest: digestOf(string(by.Issuer), string(by.WorkspaceID), by.Subject, string(by.KeyID), ctx.Operation().OperationID, key),
		Issuer: by.Issuer, WorkspaceID: by.WorkspaceID, Request: digestOf(ctx.Method(), u.Path, u.RawQuery, string(sent)),
		Attempt: authz.NewID("att"), CreatedAt: now, ExpiresAt: now.Add(onceLife),
	}
	return o, io.MultiReader(bytes.NewReader(sent), ctx.BodyReader()), int64(len(sent)) <= limit, nil
}

// digestOf is the digest of texts none of which can run into the next.
func digestOf(parts ...string) [32]byte {
	h := sha256.New()
	for _, p := range parts {
		part := sha256.Sum256([]byte(p))
		h.Write(part[:])
	}
	return [32]byte(h.Sum(nil))
}

// repeat answers a request that was asked before.
func (a *api) repeat(h huma.API, ctx huma.Context, asked, found authz.Once) {
	switch {
	case asked.Request != found.Request:
		writeProblem(h, ctx, errOnceReused)
	case !found.Done:
		writeProblem(h, ctx, a.problem(ctx.Context(), errOnceRunning))
	case found.Status != 0 && found.Answer != nil:
		ctx.SetHeader("Content-Type", "application/json")
		ctx.SetHeader("Cache-Control", "no-store")
		ctx.SetHeader("Idempotency-Replayed", "true")
		ctx.SetStatus(found.Status)
		_, _ = ctx.BodyWriter().Write(found.Answer)
	default:
		p := a.problem(ctx.Context(), authz.NewError(authz.Conflict, "already_done", "This was carried out before; what it showed is not shown again."))
		p.Target = found.Target
		writeProblem(h, ctx, p)
	}
}

// concluded keeps what came of the act, or lets it be tried again. The caller
// may have hung up; what is kept is for when they come back.
func (a *api) concluded(ctx huma.Context, o authz.Once, w *watchedContext) {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx.Context()), recordTime)
	defer cancel()
	if w.status >= http.StatusMultipleChoices || w.status == 0 {
		if err := a.cfg.Onces.ForgetOnce(within, o); err != nil {
			_ = a.problem(within, err) // into the log; the key is given up in a while
		}
		return
	}
	o.Status, o.Target = w.status, targetOf(w.answer.Bytes())
	if kept, _ := ctx.Operation().Metadata[keepsAnswer].(bool); kept && w.answer.Len() <= maxKept {
		o.Answer = append([]byte{}, w.answer.Bytes()...)
	}
	if err := a.cfg.Onces.FinishOnce(within, o); err != nil {
		_ = a.problem(within, err) // as above; that it was done is written
	}
}

// targetOf is the id in an answer.
func targetOf(answer []byte) string {
	var made struct {
		ID       string `json:"id"`
		ClientID string `json:"client_id"`
	}
	_ = json.Unmarshal(answer, &made) // an answer without an id names nothing
	if made.ID == "" {
		return made.ClientID
	}
	return made.ID
}

type humaContext = huma.Context

// watchedContext remembers what is answered.
type watchedContext struct {
	humaContext
	body   io.Reader
	status int
	answer bytes.Buffer
}

func (w *watchedContext) BodyReader() io.Reader { return w.body }

func (w *watchedContext) SetStatus(status int) {
	w.status = status
	w.humaContext.SetStatus(status)
}

func (w *watchedContext) BodyWriter() io.Writer { return io.MultiWriter(w.humaContext.BodyWriter(), w) }

// Write keeps a little more than is kept at most, to know that it is too much.
func (w *watchedContext) Write(b []byte) (int, error) {
	w.answer.Write(b[:min(len(b), maxKept+1-min(w.answer.Len(), maxKept+1))])
	return len(b), nil
}

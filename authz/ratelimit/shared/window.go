package shared

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit"
)

// WindowConfig is what a Window needs; Server may be nil, Local and Nodes are
// required.
type WindowConfig struct {
	// Server counts for all nodes; nil leaves every node to itself.
	Server *Server
	// Name tells this window's keys at the server from those of others.
	Name string
	// Local counts what this node let through.
	Local *ratelimit.Window
	// Nodes is how many nodes share the limit when they cannot count together.
	Nodes func() int
}

// Window is the limit of keys over all nodes. It is safe for use by many
// goroutines.
type Window struct {
	cfg             WindowConfig
	together, alone atomic.Uint64
}

// NewWindow returns a Window, or says what is wrong with cfg.
func NewWindow(cfg WindowConfig) (*Window, error) {
	if cfg.Local == nil || cfg.Nodes == nil {
		return nil, errors.New("ratelimit/shared: Local and Nodes are required")
	}
	return &Window{cfg: cfg}, nil
}

// Take counts one use of the key unless it is one too many, which is not
// counted. It decides in any case: at the server if that answers, else by this
// node's share of the limit.
func (w *Window) Take(ctx context.Context, key string, limit int) authz.Quota {
	if w.cfg.Server != nil {
		q, err := w.cfg.Server.use(ctx, w.cfg.Name+"/"+key, limit, true)
		if err == nil {
			w.together.Add(1)
			if q.Allowed {
				w.cfg.Local.Take(key, limit)
			}
			return q
		}
	}
	w.alone.Add(1)
	return w.cfg.Local.Take(key, w.share(limit))
}

// Peek says what Take would, from the same place, and counts nothing.
func (w *Window) Peek(ctx context.Context, key string, limit int) authz.Quota {
	if w.cfg.Server != nil {
		if q, err := w.cfg.Server.use(ctx, w.cfg.Name+"/"+key, limit, false); err == nil {
			return q
		}
	}
	return w.cfg.Local.Peek(key, w.share(limit))
}

// share is this node's part of a limit.
func (w *Window) share(limit int) int {
	if nodes := w.cfg.Nodes(); nodes > 1 && limit > 0 {
		return max(1, limit/nodes)
	}
	return limit
}

// Together and Alone are how many uses were decided at the server and by this
// node alone, for metrics.
func (w *Window) Together() uint64 { return w.together.Load() }

// Alone is described at Together.
func (w *Window) Alone() uint64 { return w.alone.Load() }

package web

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"
)

// Operator is the listener that is never public: health and metrics, and in
// builds tagged testclock the clock.
type Operator struct {
	// Ready says why the server should get no traffic, or nil.
	Ready   func(context.Context) error
	Metrics *Metrics
	// Extra are further routes, by pattern; test builds add theirs.
	Extra    map[string]http.Handler
	draining atomic.Bool
}

// Drain makes /readyz fail, so that balancers look elsewhere.
func (o *Operator) Drain() { o.draining.Store(true) }

// Handler serves the operator listener.
func (o *Operator) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", o.readyz)
	mux.Handle("GET /metrics", o.Metrics.Handler())
	for pattern, h := range o.Extra {
		mux.Handle(pattern, h)
	}
	return mux
}

func (o *Operator) readyz(w http.ResponseWriter, r *http.Request) {
	if o.draining.Load() {
		plain(w, http.StatusServiceUnavailable, "draining")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	if err := o.Ready(ctx); err != nil {
		plain(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	plain(w, http.StatusOK, "ok")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

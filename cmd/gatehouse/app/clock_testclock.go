//go:build testclock

package app

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// movableClock is the machine's clock shifted by an offset.
type movableClock struct{ offset atomic.Int64 }

// Now returns the machine's time plus the offset.
func (c *movableClock) Now() time.Time {
	return time.Now().Add(time.Duration(c.offset.Load())).UTC().Truncate(time.Microsecond)
}

// newClock returns a clock that POST /debug/clock on the operator listener
// moves, either way: {"advance":"72h"}. The background jobs catch up before
// the answer.
func newClock(a *App) (authz.Clock, map[string]http.Handler) {
	clock := &movableClock{}
	move := func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Advance string `json:"advance"`
		}
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1024)).Decode(&in); err != nil {
			http.Error(w, "the body must be {\"advance\":\"72h\"}", http.StatusBadRequest)
			return
		}
		by, err := time.ParseDuration(in.Advance)
		if err != nil {
			http.Error(w, "advance must be a duration such as 72h or -5s", http.StatusBadRequest)
			return
		}
		clock.offset.Add(int64(by))
		a.catchUp(r.Context())
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"now": clock.Now().Format(time.RFC3339Nano)})
	}
	return clock, map[string]http.Handler{"POST /debug/clock": http.HandlerFunc(move)}
}

// catchUp does what the jobs would have done meanwhile.
func (a *App) catchUp(ctx context.Context) {
	for _, name := range a.issuerNames() {
		a.logFailure(ctx, "rotating signing keys", a.Issuers[name].set.Rotate(ctx))
	}
	a.writeUses(ctx)
	a.rotateKeys(ctx)
	a.burnFuses(ctx)
	a.purge(ctx)
}

// windowClock is the clock of a window that nodes share: a test moves it.
func windowClock(clock authz.Clock) authz.Clock { return clock }

//go:build !testclock

package app

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// newClock returns the machine's clock, which nothing can move.
func newClock(*App) (authz.Clock, map[string]http.Handler) { return authz.SystemClock{}, nil }

// windowClock is the clock of a window that nodes share: none of theirs, but
// its server's.
func windowClock(authz.Clock) authz.Clock { return nil }

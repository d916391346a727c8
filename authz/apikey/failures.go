package apikey

import (
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

const (
	failureLimit  = 10
	failureWindow = time.Minute
	failureKeys   = 10_000
)

// failures remembers the last failures of each key id, of a bounded number of
// ids. When it is full the quiet ids go first, then arbitrary ones: forgetting
// costs a few more Argon2id runs, remembering everything costs the memory.
type failures struct {
	mu   sync.Mutex
	byID map[authz.KeyID]*recent
}

// recent is a ring of the last moments, in nanoseconds since 1970.
type recent struct {
	at   [failureLimit]int64
	next int
}

func newFailures() *failures { return &failures{byID: make(map[authz.KeyID]*recent)} }

// wait is how long the id must stay away; zero when it need not.
func (f *failures) wait(id authz.KeyID, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, ok := f.byID[id]
	if !ok || r.at[r.next] == 0 {
		return 0
	}
	r.follow(now)
	return max(0, time.Duration(r.at[r.next]-now.UnixNano())+failureWindow)
}

// add records a failure of the id.
func (f *failures) add(id authz.KeyID, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, ok := f.byID[id]
	if !ok {
		if len(f.byID) >= failureKeys {
			f.makeRoom(now)
		}
		r = &recent{}
		f.byID[id] = r
	}
	r.follow(now)
	r.at[r.next] = now.UnixNano()
	r.next = (r.next + 1) % failureLimit
}

// follow moves the moments with a clock that stepped back: the step neither
// forgets them nor keeps them longer.
func (r *recent) follow(now time.Time) {
	ahead := r.last() - now.UnixNano()
	if ahead <= 0 {
		return
	}
	for i := range r.at {
		if r.at[i] != 0 {
			r.at[i] -= ahead
		}
	}
}

func (r *recent) last() int64 { return r.at[(r.next+failureLimit-1)%failureLimit] }

// makeRoom forgets every id that was quiet for a window, or a sixteenth of all.
func (f *failures) makeRoom(now time.Time) {
	for id, r := range f.byID {
		if now.UnixNano()-r.last() > int64(failureWindow) {
			delete(f.byID, id)
		}
	}
	spare := len(f.byID) - failureKeys*15/16
	for id := range f.byID {
		if spare--; spare < 0 {
			return
		}
		delete(f.byID, id)
	}
}

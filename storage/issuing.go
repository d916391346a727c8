package storage

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// What is issued at the same time is committed together (docs/adr/0008).
const (
	maxTogether  = 64
	maxWaiting   = 4096
	issuingTime  = 10 * time.Second
	lookRoundFor = 4 // times, while others still come
)

// issuing writes the issuances of many requests in one transaction each time:
// a commit is what costs most, and it costs the same for one as for many.
// Whoever is alone waits for nobody; while one batch is being committed the
// next one gathers.
type issuing struct {
	store   *Store
	waiting chan *issue
	stop    chan struct{}
	once    sync.Once
	stopped chan struct{}
}

// issue is an issuance that waits for its commit.
type issue struct {
	authz.Issuance
	done chan error // of one
}

func startIssuing(s *Store) *issuing {
	q := &issuing{store: s, waiting: make(chan *issue, maxWaiting), stop: make(chan struct{}), stopped: make(chan struct{})}
	go q.run()
	return q
}

// write returns when the issuance is on disk, or with the reason why it is not.
// A caller who gives up first does not know.
func (q *issuing) write(ctx context.Context, i authz.Issuance) error {
	mine := &issue{i, make(chan error, 1)}
	select {
	case q.waiting <- mine:
	case <-ctx.Done():
		return failure(ctx, "waiting to issue", ctx.Err())
	case <-q.stop:
		return unavailable(errClosing)
	}
	select {
	case err := <-mine.done:
		return err
	case <-ctx.Done():
		return failure(ctx, "waiting for what was issued", ctx.Err())
	case <-q.stopped:
		select {
		case err := <-mine.done:
			return err
		default:
			return unavailable(errClosing)
		}
	}
}

// close writes what waits and ends.
func (q *issuing) close() {
	q.once.Do(func() { close(q.stop) })
	<-q.stopped
}

func (q *issuing) run() {
	defer close(q.stopped)
	for {
		select {
		case first := <-q.waiting:
			q.commit(q.gather(first))
		case <-q.stop:
			for len(q.waiting) > 0 {
				q.commit(q.gather(<-q.waiting))
			}
			return
		}
	}
}

// gather takes who is waiting, and lets those who are about to wait come first:
// that takes no time unless there is somebody.
func (q *issuing) gather(first *issue) []*issue {
	batch := append(make([]*issue, 0, maxTogether), first)
	for range lookRoundFor {
		before := len(batch)
		for len(batch) < maxTogether && len(q.waiting) > 0 {
			batch = append(batch, <-q.waiting)
		}
		if len(batch) == maxTogether || len(batch) == before && before > 1 {
			break
		}
		runtime.Gosched()
	}
	return batch
}

// commit writes a batch. If the whole cannot be written, each is tried alone,
// and told its own reason.
func (q *issuing) commit(batch []*issue) {
	ctx, cancel := context.WithTimeout(context.Background(), issuingTime)
	defer cancel()
	outcomes, err := q.store.issueTogether(ctx, batch)
	for n, i := range batch {
		switch {
		case err == nil && !errors.Is(outcomes[n], errLost):
			i.done <- outcomes[n]
		case err != nil && len(batch) == 1 && !alone(err):
			i.done <- failure(ctx, "issuing", err)
		default:
			i.done <- q.store.issueAlone(ctx, i.Issuance)
		}
	}
}

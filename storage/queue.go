package storage

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// What happens at the same time is committed together (docs/adr/0008).
const (
	maxTogether  = 64
	lookRoundFor = 4 // times, while others still come
)

// errClosing is told to whoever comes while the database is being closed.
var errClosing = errors.New("the database is being closed")

// job is one write that waits for its commit.
type job[T any] struct {
	what    T
	started atomic.Bool // by whoever runs it, or by a caller who gave up
	done    chan error  // of one
}

// begin reports whether the job is still wanted; then its caller waits for it
// whatever happens.
func (j *job[T]) begin() bool { return j.started.CompareAndSwap(false, true) }

// queue gathers the jobs of many callers for one goroutine that commits them:
// a commit is what costs most, and it costs the same for one as for many.
// Whoever is alone waits for nobody; while one batch is being committed the
// next one gathers.
type queue[T any] struct {
	commit  func([]*job[T]) // of at least one, begun
	waiting chan *job[T]
	stop    chan struct{}
	once    sync.Once
	stopped chan struct{}
}

func startQueue[T any](commit func([]*job[T])) *queue[T] {
	q := &queue[T]{commit: commit, waiting: make(chan *job[T], maxQueue), stop: make(chan struct{}), stopped: make(chan struct{})}
	go q.run()
	return q
}

// do returns when the job is on disk, or with the reason why it is not.
func (q *queue[T]) do(ctx context.Context, what T) error {
	if err := ctx.Err(); err != nil {
		return err // a select would as soon let it in
	}
	mine := &job[T]{what: what, done: make(chan error, 1)}
	select {
	case <-q.stop:
		return unavailable(errClosing)
	default:
	}
	select {
	case q.waiting <- mine:
	default:
		return unavailable(errBusy)
	}
	patience := time.NewTimer(maxWriteWait)
	defer patience.Stop()
	select {
	case err := <-mine.done:
		return err
	case <-ctx.Done():
		if mine.begin() {
			return ctx.Err() // nobody will run it
		}
	case <-patience.C:
		if mine.begin() {
			return unavailable(errBusy)
		}
	case <-q.stopped:
		if mine.begin() {
			return unavailable(errClosing)
		}
	}
	return <-mine.done
}

// close commits what waits and ends.
func (q *queue[T]) close() {
	q.once.Do(func() { close(q.stop) })
	<-q.stopped
}

func (q *queue[T]) run() {
	defer close(q.stopped)
	for {
		select {
		case first := <-q.waiting:
			q.commitWanted(q.gather(first))
		case <-q.stop:
			for len(q.waiting) > 0 {
				q.commitWanted(q.gather(<-q.waiting))
			}
			return
		}
	}
}

// commitWanted commits the jobs whose callers still wait.
func (q *queue[T]) commitWanted(batch []*job[T]) {
	wanted := slices.DeleteFunc(batch, func(j *job[T]) bool { return !j.begin() })
	if len(wanted) > 0 {
		q.commit(wanted)
	}
}

// gather takes who is waiting, and lets those who are about to wait come first:
// that takes no time unless there is somebody.
func (q *queue[T]) gather(first *job[T]) []*job[T] {
	batch := append(make([]*job[T], 0, maxTogether), first)
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

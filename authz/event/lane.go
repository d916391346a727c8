package event

import (
	"sync/atomic"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

const (
	// laneLength bounds the deliveries of one sink that are held in memory.
	laneLength = 256
	// longestWait bounds how long a delivery is put off because its sink is busy.
	longestWait = 5 * time.Minute
)

// lane is what waits for one sink in this process.
type lane struct {
	sink  Sink
	queue chan claimed
	// pace is a moving average of an attempt's duration, in nanoseconds.
	pace atomic.Int64
	// putOff counts who was turned away since someone was not. Like offer, it
	// belongs to the dispatching goroutine.
	putOff int
}

// claimed is a delivery and when it was taken.
type claimed struct {
	authz.Delivery
	at time.Time
}

func newLane(sink Sink) *lane {
	return &lane{sink: sink, queue: make(chan claimed, laneLength)}
}

// offer queues the delivery if there is room.
func (l *lane) offer(d authz.Delivery) bool {
	select {
	case l.queue <- claimed{d, time.Now()}:
		l.putOff = 0
		return true
	default:
		return false
	}
}

// wait is how long one more delivery would wait for its turn behind so many.
func (l *lane) wait(before, concurrency int) time.Duration {
	return time.Duration(l.pace.Load()) * time.Duration(before) / time.Duration(concurrency)
}

// took records how long an attempt was.
func (l *lane) took(d time.Duration) {
	pace := l.pace.Load()
	l.pace.Store(pace + (int64(d)-pace)/8)
}

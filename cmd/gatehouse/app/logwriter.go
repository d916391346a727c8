package app

import (
	"bufio"
	"io"
	"sync"
	"time"
)

// flushEvery is how long a log line may wait for others: a line is not worth a
// system call of its own.
const flushEvery = 200 * time.Millisecond

// LogWriter gathers log lines and writes many at once. What a killed process
// had not written yet is lost; what must not be lost is in the audit entries.
type LogWriter struct {
	mu   sync.Mutex
	buf  *bufio.Writer
	stop chan struct{}
	done chan struct{}
}

// NewLogWriter returns a LogWriter to w. Close writes the rest.
func NewLogWriter(w io.Writer) *LogWriter {
	l := &LogWriter{buf: bufio.NewWriterSize(w, 64<<10), stop: make(chan struct{}), done: make(chan struct{})}
	go l.flush()
	return l
}

// Write takes one line.
func (l *LogWriter) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(line)
}

// Close writes what is left.
func (l *LogWriter) Close() error {
	close(l.stop)
	<-l.done
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Flush()
}

func (l *LogWriter) flush() {
	defer close(l.done)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
			l.mu.Lock()
			_ = l.buf.Flush() // a log that cannot be written has nowhere to say so
			l.mu.Unlock()
		}
	}
}

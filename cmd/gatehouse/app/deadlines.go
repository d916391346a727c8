package app

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// rearmed is how soon the timer of a busy connection is looked at again.
const rearmed = time.Second

// unhurried accepts connections whose deadlines cost less. net/http moves the
// deadlines of a connection seven times for each request, and nearly always
// away: here a timer that is due too early is left alone, and whoever it wakes
// looks whether it was meant. No deadline passes later than it was set for. One
// that is past when nobody reads, which is how net/http ends the look-out for a
// client that hangs up, needs no timer: whoever reads next is told.
type unhurried struct{ net.Listener }

// Accept waits for the next connection.
func (l unhurried) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return unhurriedConn(c), nil
}

func unhurriedConn(c net.Conn) net.Conn {
	return &connection{
		conn: c, reading: deadline{set: c.SetReadDeadline}, writing: deadline{set: c.SetWriteDeadline},
	}
}

// connection has no method of the one beneath that it does not watch: ReadFrom
// would give up at a timer that is due too early.
type connection struct {
	conn             net.Conn
	reading, writing deadline
}

// Read reads, past every timer that was due too early.
func (c *connection) Read(p []byte) (int, error) {
	if !c.reading.begin() {
		return 0, os.ErrDeadlineExceeded
	}
	defer c.reading.end()
	for {
		n, err := c.conn.Read(p)
		if n > 0 || err == nil || !c.reading.early(err) {
			return n, err
		}
	}
}

// Write writes all of p, past every timer that was due too early.
func (c *connection) Write(p []byte) (written int, err error) {
	if !c.writing.begin() {
		return 0, os.ErrDeadlineExceeded
	}
	defer c.writing.end()
	for {
		n, err := c.conn.Write(p[written:])
		written += n
		if err == nil || !c.writing.early(err) {
			return written, err
		}
	}
}

// CloseWrite ends what is sent, where the connection can: net/http does so
// before it drops a client that is still sending.
func (c *connection) CloseWrite() error {
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (c *connection) Close() error                       { return c.conn.Close() }
func (c *connection) LocalAddr() net.Addr                { return c.conn.LocalAddr() }
func (c *connection) RemoteAddr() net.Addr               { return c.conn.RemoteAddr() }
func (c *connection) SetReadDeadline(t time.Time) error  { return c.reading.want(t) }
func (c *connection) SetWriteDeadline(t time.Time) error { return c.writing.want(t) }

func (c *connection) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// deadline is one direction's: the one that is wanted, and the one that the
// connection beneath knows, which is never later. Zero is never.
type deadline struct {
	set           func(time.Time) error
	mu            sync.Mutex
	wanted, armed time.Time
	// over says that the deadline that is wanted was past already, and is not
	// armed: nobody was there to be stopped. busy is how many are.
	over bool
	busy int
}

// longPast is a Unix time, in seconds, that is in the past by any clock: a
// deadline before it is not meant to be waited for.
const longPast = 1 << 29

// begin lets somebody read or write, unless the deadline is over.
func (d *deadline) begin() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return false
	}
	d.busy++
	return true
}

func (d *deadline) end() {
	d.mu.Lock()
	d.busy--
	d.mu.Unlock()
}

func (d *deadline) want(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = t
	if d.over = d.busy == 0 && !t.IsZero() && t.Unix() < longPast; d.over {
		return nil
	}
	if t.IsZero() || !d.armed.IsZero() && !t.Before(d.armed) {
		return nil
	}
	return d.arm(t)
}

// early reports whether err is a timer that was due before the deadline that is
// wanted, which is then armed. One that was set to the past, to stop whoever
// reads, is followed by the deadlines of the next request: they are not worth a
// timer each.
func (d *deadline) early(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if !d.wanted.IsZero() && !now.Before(d.wanted) {
		return false
	}
	next := d.wanted
	if soon := now.Add(rearmed); now.Sub(d.armed) > time.Hour && (next.IsZero() || soon.Before(next)) {
		next = soon
	}
	return d.arm(next) == nil
}

func (d *deadline) arm(t time.Time) error {
	d.armed = t
	return d.set(t)
}

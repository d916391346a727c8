package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"time"
)

// maxBody bounds one answer, in bytes.
const maxBody = 1 << 20

// connection is a kept-alive HTTP/1.1 connection that writes requests rendered
// beforehand and parses answers in place, so that the generator costs far less
// than the server it shares a machine with. It understands what our servers
// send, a Content-Length or chunks, and nothing else.
type connection struct {
	address string
	wait    time.Duration
	conn    net.Conn
	in      *bufio.Reader
	body    []byte
	armed   time.Time
	// location and cookies are those of the last answer.
	location string
	cookies  []string
}

func newConnection(address string, wait time.Duration) *connection {
	return &connection{address: address, wait: wait}
}

// do sends one request and returns status and body, which is valid until the
// next call. A broken or closed connection is opened anew by the next call.
func (c *connection) do(request []byte) (int, []byte, error) {
	if err := c.open(); err != nil {
		return 0, nil, err
	}
	if _, err := c.conn.Write(request); err != nil {
		c.close()
		return 0, nil, err
	}
	status, keep, err := c.read()
	if err != nil || !keep {
		c.close()
	}
	return status, c.body, err
}

func (c *connection) open() error {
	now := time.Now()
	if c.conn == nil {
		conn, err := net.DialTimeout("tcp", c.address, c.wait)
		if err != nil {
			return err
		}
		c.conn, c.armed = conn, time.Time{}
		c.in = bufio.NewReaderSize(conn, 16<<10)
	}
	// A new deadline for each request is measurable; one a second is enough.
	if now.Sub(c.armed) > time.Second {
		c.armed = now
		return c.conn.SetDeadline(now.Add(c.wait))
	}
	return nil
}

func (c *connection) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

var errAnswer = errors.New("malformed HTTP answer")

// read parses one answer (RFC 9112) into c.body.
func (c *connection) read() (status int, keep bool, err error) {
	c.body = c.body[:0]
	line, err := c.line()
	if err != nil {
		return 0, false, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, false, fmt.Errorf("%w: status line %.40q", errAnswer, line)
	}
	code, err := strconv.ParseUint(string(line[9:12]), 10, 16)
	if err != nil {
		return 0, false, fmt.Errorf("%w: status %.3q", errAnswer, line[9:12])
	}
	status = int(code)
	length, keep, err := c.header()
	if err != nil {
		return status, false, err
	}
	if length == chunked {
		return status, keep, c.chunks()
	}
	return status, keep, c.take(length)
}

// chunked stands for a length that is told piece by piece.
const chunked = -1

func (c *connection) header() (length int, keep bool, err error) {
	keep = true
	c.location, c.cookies = "", c.cookies[:0]
	for {
		line, err := c.line()
		if err != nil {
			return 0, false, err
		}
		if len(line) == 0 {
			return length, keep, nil
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found {
			return 0, false, fmt.Errorf("%w: header line %.40q", errAnswer, line)
		}
		value = textproto.TrimBytes(value)
		switch {
		case is(name, "content-length"):
			if length, err = strconv.Atoi(string(value)); err != nil || length < 0 {
				return 0, false, fmt.Errorf("%w: length %.40q", errAnswer, value)
			}
		case is(name, "transfer-encoding"):
			length = chunked
		case is(name, "location"):
			c.location = string(value)
		case is(name, "set-cookie"):
			c.cookies = append(c.cookies, string(value))
		case is(name, "connection") && is(value, "close"):
			keep = false
		}
	}
}

func is(b []byte, lower string) bool {
	return len(b) == len(lower) && bytes.EqualFold(b, []byte(lower))
}

func (c *connection) chunks() error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		size, err := strconv.ParseUint(string(line), 16, 31)
		if err != nil {
			return fmt.Errorf("%w: chunk size %.40q", errAnswer, line)
		}
		if err := c.take(int(size)); err != nil {
			return err
		}
		if line, err = c.line(); err != nil || len(line) > 0 {
			return errors.Join(errAnswer, err)
		}
		if size == 0 {
			return nil
		}
	}
}

// take appends n bytes to the body.
func (c *connection) take(n int) error {
	at := len(c.body)
	if at+n > maxBody {
		return fmt.Errorf("%w: body over %d bytes", errAnswer, maxBody)
	}
	c.body = append(c.body, make([]byte, n)...)
	_, err := io.ReadFull(c.in, c.body[at:])
	return err
}

func (c *connection) line() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

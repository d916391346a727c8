package shared_test

import (
	"net"
	"sync"
	"testing"
)

// relay stands between us and the server, and is a network that fails.
type relay struct {
	address string
	to      string
	mu      sync.Mutex
	state   sync.Cond
	silent  bool // what is sent waits
	gone    bool // connections are cut
	open    map[net.Conn]bool
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{address: listener.Addr().String(), to: to, open: make(map[net.Conn]bool)}
	r.state.L = &r.mu
	var group sync.WaitGroup
	group.Go(func() { r.accept(listener, &group) })
	t.Cleanup(func() {
		listener.Close()
		r.set(false, true)
		group.Wait()
	})
	return r
}

// set changes what becomes of connections, those that are open too.
func (r *relay) set(silent, gone bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silent, r.gone = silent, gone
	if gone {
		for c := range r.open {
			c.Close()
		}
	}
	r.state.Broadcast()
}

func (r *relay) accept(listener net.Listener, group *sync.WaitGroup) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", r.to)
		if err != nil || !r.add(client, server) {
			client.Close()
			continue
		}
		group.Go(func() { r.copy(server, client) })
		group.Go(func() { r.copy(client, server) })
	}
}

func (r *relay) add(conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range conns {
		if r.gone {
			c.Close()
			continue
		}
		r.open[c] = true
	}
	return !r.gone
}

func (r *relay) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if err != nil || !r.pass() {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// pass waits while the relay is silent and says whether to go on.
func (r *relay) pass() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.silent && !r.gone {
		r.state.Wait()
	}
	return !r.gone
}

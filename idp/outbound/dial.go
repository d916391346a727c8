package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

const (
	connectTimeout = 3 * time.Second
	maxAddresses   = 16
)

// Resolver finds the addresses of a host; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// guard dials hosts, but only to addresses its filter lets pass.
type guard struct {
	filter   *filter
	resolver Resolver
	dialer   net.Dialer
}

// dial resolves once and connects to one of the addresses it has checked. A
// single bad address refuses the host: the answer is not one to pick from.
func (g *guard) dial(ctx context.Context, network, hostport string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, fmt.Errorf("%w: no port", ErrBlocked)
	}
	addrs, err := g.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var failed error
	for i, addr := range addrs {
		conn, err := g.connect(ctx, network, net.JoinHostPort(addr.String(), port), len(addrs)-i)
		if err == nil {
			return conn, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

// connect dials one address with its fair share of the time that is left, so
// that a dead address does not use up its neighbours' time.
func (g *guard) connect(ctx context.Context, network, addr string, remaining int) (net.Conn, error) {
	deadline, _ := ctx.Deadline()
	ctx, cancel := context.WithTimeout(ctx, time.Until(deadline)/time.Duration(remaining))
	defer cancel()
	return g.dialer.DialContext(ctx, network, addr)
}

func (g *guard) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	literal, ok, err := g.filter.checkHost(host)
	if err != nil {
		return nil, err
	}
	if ok {
		return []netip.Addr{literal}, nil
	}
	addrs, err := g.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("resolving host: %w", err)
	}
	if len(addrs) == 0 || len(addrs) > maxAddresses {
		return nil, fmt.Errorf("%w: host has %d addresses", ErrBlocked, len(addrs))
	}
	checked := make([]netip.Addr, len(addrs))
	for i, addr := range addrs {
		if err := g.filter.check(addr); err != nil {
			return nil, err
		}
		checked[i] = addr.Unmap()
	}
	return checked, nil
}

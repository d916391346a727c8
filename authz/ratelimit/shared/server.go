package shared

import (
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// ServerConfig is what a Server needs; Address, Length and Logger are required.
type ServerConfig struct {
	Address string      // host:port of one Redis-compatible server, 6.2 or newer; no cluster
	TLS     *tls.Config // nil speaks without
	// Username and Password are sent with AUTH; without a password nothing is.
	Username string
	Password authz.Secret
	// KeyPrefix begins the name of everything that is kept there.
	KeyPrefix string
	Length    time.Duration // of the window; whole microseconds
	// Budget is the longest a use waits for the server; 0 means 50 ms.
	Budget time.Duration
	// Clock tells the time in tests; nil leaves it to the server, whose clock
	// is the one that all nodes share.
	Clock  authz.Clock
	Logger *slog.Logger
}

const (
	// defaultBudget is what ServerConfig.Budget says.
	defaultBudget = 50 * time.Millisecond
	// patience is how many uses in a row may fail before the server is let go.
	patience = 3
	// comeback is how often a server that is away is looked for.
	comeback = time.Second
	// dialTime bounds one look.
	dialTime = 2 * time.Second
)

// Server counts in a Redis-compatible server, while Run holds a connection to
// it. It is safe for use by many goroutines.
type Server struct {
	cfg      ServerConfig
	script   *valkey.Lua
	client   atomic.Pointer[held]
	failures atomic.Int32 // in a row
	broken   chan struct{}
}

// held is a connection that answered.
type held struct{ valkey.Client }

//go:embed window.lua
var script string

var (
	errAway  = errors.New("ratelimit/shared: the server is away")
	errReply = errors.New("ratelimit/shared: the server's answer is not one of the script's")
)

// NewServer returns a Server that is away until Run finds it.
func NewServer(cfg ServerConfig) (*Server, error) {
	if cfg.Address == "" || cfg.Length < time.Microsecond || cfg.Logger == nil {
		return nil, errors.New("ratelimit/shared: Address, Length and Logger are required")
	}
	if cfg.Budget == 0 {
		cfg.Budget = defaultBudget
	}
	// The server tells the script's SHA-1: computing one is refused in FIPS mode.
	return &Server{cfg: cfg, script: valkey.NewLuaScript(script, valkey.WithLoadSHA1(true)), broken: make(chan struct{}, 1)}, nil
}

// Connected reports whether uses are counted at the server, for metrics.
func (s *Server) Connected() bool { return s.client.Load() != nil }

// Run keeps a connection until ctx ends: it looks for the server when it is
// away, and proves with a use of its own that it counts.
func (s *Server) Run(ctx context.Context) {
	told := false
	for ctx.Err() == nil {
		c, err := s.connect(ctx)
		switch {
		case err == nil:
			s.cfg.Logger.InfoContext(ctx, "limits are counted together", "server", s.cfg.Address)
			told = false
			s.hold(ctx, c)
		case !told && ctx.Err() == nil:
			told = true
			s.cfg.Logger.WarnContext(ctx, "the server of the shared limits is away; each node counts by itself",
				"server", s.cfg.Address, "error", err.Error())
		}
		select {
		case <-ctx.Done():
		case <-time.After(comeback):
		}
	}
}

// hold lets uses have the connection until they let go of it, or ctx ends.
func (s *Server) hold(ctx context.Context, c *held) {
	s.failures.Store(0)
	s.client.Store(c)
	select {
	case <-ctx.Done():
	case <-s.broken:
	}
	s.client.Store(nil)
	c.Close()
	select { // a use that failed meanwhile speaks of this connection, not of the next
	case <-s.broken:
	default:
	}
}

func (s *Server) connect(ctx context.Context) (*held, error) {
	client, err := valkey.NewClient(valkey.ClientOption{
		InitAddress: []string{s.cfg.Address}, ForceSingleClient: true, TLSConfig: s.cfg.TLS,
		Username: s.cfg.Username, Password: s.cfg.Password.Reveal(), ClientName: "gatehouse", ClientSetInfo: valkey.DisableClientSetInfo,
		Dialer: net.Dialer{Timeout: dialTime}, ConnWriteTimeout: dialTime,
		AlwaysRESP2: true, DisableCache: true, DisableRetry: true, // an answer that was lost may have counted
		ReadBufferEachConn: 32 << 10, WriteBufferEachConn: 32 << 10,
	})
	if err != nil {
		if client != nil {
			client.Close()
		}
		return nil, fmt.Errorf("connecting: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	if err := s.prove(ctx, client); err != nil {
		client.Close()
		return nil, fmt.Errorf("counting: %w", err)
	}
	return &held{client}, nil
}

// prove makes the server count a use of nobody's: first without haste, as it
// has to learn the script, then within the budget.
func (s *Server) prove(ctx context.Context, client valkey.Client) error {
	if _, err := s.ask(ctx, client, "-", 1, true); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Budget)
	defer cancel()
	_, err := s.ask(ctx, client, "-", 1, true)
	return err
}

// use counts one use of the key, or only looks, or says that the server is away.
func (s *Server) use(ctx context.Context, key string, limit int, count bool) (authz.Quota, error) {
	c := s.client.Load()
	if c == nil {
		return authz.Quota{}, errAway
	}
	within, cancel := context.WithTimeout(ctx, s.cfg.Budget)
	defer cancel()
	q, err := s.ask(within, c, key, limit, count)
	switch {
	case err == nil:
		if s.failures.Load() != 0 {
			s.failures.Store(0)
		}
	case ctx.Err() != nil: // who asked gave up: that says nothing of the server
	case s.failures.Add(1) >= patience:
		s.letGo(c)
	}
	return q, err
}

func (s *Server) letGo(c *held) {
	if !s.client.CompareAndSwap(c, nil) {
		return // somebody did
	}
	select {
	case s.broken <- struct{}{}:
	default:
	}
}

func (s *Server) ask(ctx context.Context, client valkey.Client, key string, limit int, count bool) (authz.Quota, error) {
	now, only := "", ""
	if s.cfg.Clock != nil {
		now = strconv.FormatInt(s.cfg.Clock.Now().UnixMicro(), 10)
	}
	if !count {
		only = "look"
	}
	name := s.cfg.KeyPrefix + "{" + key + "}" // both names in one slot
	args := []string{strconv.Itoa(limit), strconv.FormatInt(s.cfg.Length.Microseconds(), 10), now, only}
	reply, err := s.script.Exec(ctx, client, []string{name + "uses", name + "clock"}, args).AsIntSlice()
	if err != nil {
		return authz.Quota{}, err
	}
	if len(reply) != 4 {
		return authz.Quota{}, errReply
	}
	return authz.Quota{
		Allowed: reply[0] == 1, Limit: limit, Remaining: max(0, limit-int(reply[1])), Window: s.cfg.Length,
		Reset: time.Duration(reply[2]) * time.Microsecond, RetryAfter: time.Duration(reply[3]) * time.Microsecond,
	}, nil
}

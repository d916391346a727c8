package e2e_test

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// wire is what lies between a node and its database, and can be cut.
type wire struct {
	listener        net.Listener
	network, target string
	mu              sync.Mutex
	state           wireState
	open            map[net.Conn]bool
	mended          chan struct{} // closed when bytes may pass again
}

type wireState int

const (
	whole  wireState = iota
	cut              // connections break and new ones are refused
	silent           // nothing breaks and nothing arrives
	slow             // what the database says takes half a second
)

// lay puts a wire in front of the deployment's database.
func (d *deployment) lay(t *testing.T) *wire {
	t.Helper()
	cfg, err := pgx.ParseConfig(d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{network: "tcp", target: net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port))), open: make(map[net.Conn]bool), mended: make(chan struct{})}
	close(w.mended)
	if strings.HasPrefix(cfg.Host, "/") {
		w.network, w.target = "unix", cfg.Host+"/.s.PGSQL."+strconv.Itoa(int(cfg.Port))
	}
	if w.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = w.listener.Close()
		w.set(cut)
	})
	go w.accept()
	through := url.URL{Scheme: "postgres", User: url.UserPassword(cfg.User, cfg.Password), Host: w.listener.Addr().String(), Path: cfg.Database, RawQuery: "sslmode=disable"}
	d.dsn = through.String()
	return w
}

func (w *wire) set(s wireState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == silent {
		close(w.mended)
	}
	if s == silent {
		w.mended = make(chan struct{})
	}
	if s == cut {
		for c := range w.open {
			_ = c.Close()
		}
		clear(w.open)
	}
	w.state = s
}

func (w *wire) accept() {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return
		}
		go w.carry(near)
	}
}

func (w *wire) carry(near net.Conn) {
	far, err := net.Dial(w.network, w.target)
	if err != nil || !w.admit(near, far) {
		_ = near.Close()
		if err == nil {
			_ = far.Close()
		}
		return
	}
	go w.copy(far, near, 0)
	w.copy(near, far, 500*time.Millisecond)
}

func (w *wire) admit(near, far net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open[near], w.open[far] = true, true
	return w.state != cut
}

// copy passes on what is said; late is how much later when the wire is slow.
func (w *wire) copy(to, from net.Conn, late time.Duration) {
	defer func() { _ = to.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		w.mu.Lock()
		mended, state := w.mended, w.state
		w.mu.Unlock()
		<-mended
		if state == slow {
			time.Sleep(late)
		}
		if _, werr := to.Write(buffer[:n]); werr != nil || err != nil {
			_, _ = io.Copy(io.Discard, from)
			return
		}
	}
}

// lease is how long a node believes what it remembers.
const lease = 2 * time.Second

func TestU0_RV03_WithoutTheDatabaseAnswersLastForTheLeaseAndThenNothingIsSaid(t *testing.T) {
	t.Parallel()
	for what, state := range map[string]wireState{"connections break": cut, "nothing arrives": silent} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, "postgres", "")
			w := d.lay(t)
			n := d.start(t)
			d.populate(t, n)
			token, dead := n.serviceToken(t), n.serviceToken(t)
			_, key := n.key(t)
			wantStatus(t, n.form(t, "/oauth2/revoke", d.Clients.Service, "token", dead), http.StatusOK)
			for range 3 {
				if !n.active(t, token) || !n.active(t, key) || n.active(t, dead) {
					t.Fatal("wrong before anything happened")
				}
			}
			w.set(state)
			since := time.Now()
			if !n.active(t, token) || !n.active(t, key) {
				t.Error("what is remembered was not answered within the lease")
			}
			askThrough(t, n, since, token, dead)
			eventually(t, lease, "readiness goes off", func() bool { return n.ready() == http.StatusServiceUnavailable })
			refusesEverything(t, n, token, key)

			w.set(whole)
			eventually(t, 2*time.Second, "the node recovers", func() bool {
				a := n.introspect(t, token)
				return a.status == http.StatusOK && a.json["active"] == true && n.ready() == http.StatusOK
			})
			if n.active(t, dead) || !n.active(t, key) {
				t.Error("after the outage a revoked token is active, or a key is not")
			}
			n.serviceToken(t)
		})
	}
}

// askThrough asks until the lease is certainly over: an answer is what it was
// before, or that there is none.
func askThrough(t *testing.T, n *node, since time.Time, token, dead string) {
	t.Helper()
	for time.Since(since) < lease+time.Second {
		asked := time.Since(since)
		a := n.introspect(t, token)
		switch {
		case a.status == http.StatusOK && a.json["active"] == true && asked <= lease:
		case a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") != "":
		default:
			t.Errorf("%v into the outage: %d %s", asked, a.status, a.body)
		}
		if a := n.introspect(t, dead); a.status == http.StatusOK && a.json["active"] != false {
			t.Errorf("%v into the outage a revoked token is %s", asked, a.body)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func refusesEverything(t *testing.T, n *node, token, key string) {
	t.Helper()
	d := n.d
	var group sync.WaitGroup
	for what, ask := range map[string]func() (answer, error){
		"a token": func() (answer, error) { return n.tryForm("/oauth2/introspect", d.Clients.Introspector, "token", token) },
		"a key":   func() (answer, error) { return n.tryForm("/oauth2/introspect", d.Clients.Introspector, "token", key) },
		"issuing": func() (answer, error) {
			return n.tryForm("/oauth2/token", d.Clients.Service, "grant_type", "client_credentials")
		},
		"revoking":      func() (answer, error) { return n.tryForm("/oauth2/revoke", d.Clients.Service, "token", token) },
		"creating keys": func() (answer, error) { return n.tryManage(http.MethodPost, d.KeysPath, d.keyBody()) },
	} {
		group.Go(func() {
			began := time.Now()
			a, err := ask()
			if err != nil || a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || time.Since(began) > 15*time.Second {
				t.Errorf("%s without the database: %d, Retry-After %q, %v, after %v: %s", what, a.status, a.header.Get("Retry-After"), err, time.Since(began), a.body)
			}
		})
	}
	group.Wait()
	if live, err := http.Get("http://" + n.operator + "/livez"); err != nil || live.StatusCode != http.StatusOK {
		t.Errorf("a process that waits for its database must not be restarted: %v", err)
	}
}

// A database that is slow makes first sights slow and, when more ask than it
// can answer, sheds: never "active" for what it does not know, and what is
// remembered is answered as ever.
func TestDS_10_ASlowDatabaseShedsAndWhatIsRememberedIsAnswered(t *testing.T) {
	t.Parallel()
	d := deploy(t, "postgres", "")
	w := d.lay(t)
	n := d.start(t)
	d.populate(t, n)
	token, dead := n.serviceToken(t), n.serviceToken(t)
	wantStatus(t, n.form(t, "/oauth2/revoke", d.Clients.Service, "token", dead), http.StatusOK)
	if !n.active(t, token) || n.active(t, dead) {
		t.Fatal("wrong before anything happened")
	}
	w.set(slow)
	const crowd = 900
	var group sync.WaitGroup
	var mu sync.Mutex
	shed, told, longest := 0, 0, time.Duration(0)
	for range crowd {
		group.Go(func() {
			began := time.Now()
			a, err := n.tryForm("/oauth2/introspect", d.Clients.Introspector, "token", "at_"+nonce()+nonce()[:21])
			mu.Lock()
			defer mu.Unlock()
			longest = max(longest, time.Since(began))
			switch {
			case err == nil && a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") != "":
				shed++
			case err == nil && a.status == http.StatusOK && a.json["active"] == false:
				told++
			default:
				t.Errorf("%d %s %v", a.status, a.body, err)
			}
		})
	}
	for range 5 {
		if a := n.introspect(t, token); a.status != http.StatusOK || a.json["active"] != true {
			t.Errorf("what is remembered: %d %s", a.status, a.body)
		}
		if a := n.introspect(t, dead); a.status == http.StatusOK && a.json["active"] != false {
			t.Errorf("a revoked token: %s", a.body)
		}
		if a := sure(t)(n.try(http.MethodGet, "/.well-known/jwks.json", "")); a.status != http.StatusOK {
			t.Errorf("the key set: %d", a.status)
		}
		if live, err := http.Get("http://" + n.operator + "/livez"); err != nil || live.StatusCode != http.StatusOK {
			t.Errorf("liveness: %v", err)
		}
	}
	group.Wait()
	t.Logf("of %d first sights %d were told and %d shed, none waited longer than %v", crowd, told, shed, longest)
	if shed == 0 || told == 0 {
		t.Errorf("%d were told and %d shed", told, shed)
	}
	w.set(whole)
	eventually(t, 5*time.Second, "the node recovers", func() bool {
		a := n.introspect(t, n.serviceToken(t))
		return a.status == http.StatusOK && a.json["active"] == true && n.ready() == http.StatusOK
	})
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// floorServer is the floor in this process.
func floorServer(t testing.TB) *server {
	t.Helper()
	ts := httptest.NewUnstartedServer(nil)
	ts.Config.Handler = floorHandler("http://" + ts.Listener.Addr().String())
	ts.Start()
	t.Cleanup(ts.Close)
	only := client{ID: floorID, Secret: floorSecret}
	s := &server{pid: os.Getpid(), introspector: only, service: only}
	if err := discover(t.Context(), ts.URL, s); err != nil {
		t.Fatal(err)
	}
	return s
}

var quick = options{conns: 4, rounds: 2, tokens: 100, length: 50 * time.Millisecond, workloads: "W1,W2,W3,W6"}

func TestEveryWorkloadRunsWithoutErrorOnTheFloor(t *testing.T) {
	floor, target := floorServer(t), floorServer(t)
	tokens, err := mint(t.Context(), quick, target)
	if err != nil || len(tokens) != 100 || len(slices.Compact(slices.Sorted(slices.Values(tokens)))) != 100 {
		t.Fatalf("%d tokens, %v", len(tokens), err)
	}
	var rows []row
	for _, name := range strings.Split(quick.workloads, ",") {
		load, err := workloadOf(name, target, tokens)
		if err != nil {
			t.Fatal(err)
		}
		r := row{name: name}
		for n := range quick.rounds {
			if err := r.round(t.Context(), quick, n, run{floor, introspection(floor, tokens)}, run{target, load}); err != nil {
				t.Fatal(err)
			}
		}
		if r.errors > 0 || r.operations < 10 || median(r.ratio) <= 0 || median(r.p99) < median(r.p50) {
			t.Errorf("%s: %d operations, %d errors, first %v", name, r.operations, r.errors, r.first)
		}
		rows = append(rows, r)
	}
	var table strings.Builder
	if err := report(&table, quick, rows); err != nil || strings.Count(table.String(), "\n") != 7 {
		t.Errorf("%v\n%s", err, table.String())
	}
}

func TestWrongAnswersAreErrorsAndNotThroughput(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"inactive": func(w http.ResponseWriter, _ *http.Request) { answer(w, `{"active":false}`) },
		"unavailable": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `"active":true`, http.StatusServiceUnavailable)
		},
	} {
		ts := httptest.NewServer(handler)
		defer ts.Close()
		s := &server{Issuer: ts.URL, Introspection: ts.URL + "/introspect"}
		got, err := measure(t.Context(), run{s, introspection(s, []string{"x"})}, 2,
			func(_ uint64, passed time.Duration) bool { return passed > 20*time.Millisecond })
		if err != nil || got.errors == 0 || got.latency.count != 0 {
			t.Errorf("%s: %d errors, %d operations, %v", name, got.errors, got.latency.count, err)
		}
		r := row{name: "W1"}
		r.add(got, got)
		if err := report(&bytes.Buffer{}, quick, []row{r}); err == nil {
			t.Errorf("%s: the report calls it a success", name)
		}
	}
}

func TestAServerThatFindsEverythingActiveIsNotMeasured(t *testing.T) {
	if err := refuses(t.Context(), floorServer(t)); err == nil {
		t.Error("the floor knows no inactive token and should have been turned away")
	}
}

func TestFloorAnswersOnlyItsClientAndHasTheSizeOfARealAnswer(t *testing.T) {
	s := floorServer(t)
	if len(floorAnswer) < 280 || len(floorAnswer) > 420 {
		t.Errorf("%d bytes", len(floorAnswer))
	}
	s.introspector.Secret = "wrong"
	resp := do(t, s.Introspection, post(s.Introspection, s.introspector, nil))
	if resp != http.StatusUnauthorized {
		t.Errorf("status %d", resp)
	}
}

func do(t *testing.T, endpoint string, request []byte) int {
	t.Helper()
	c := newConnection(strings.Split(strings.TrimPrefix(endpoint, "http://"), "/")[0], time.Second)
	defer c.close()
	status, _, err := c.do(request)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

func TestConnectionReadsChunksAndLengthsAndReconnects(t *testing.T) {
	long := strings.Repeat("x", 40_000)
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/chunks":
			w.(http.Flusher).Flush()
			fmt.Fprint(w, long)
		case "/close":
			w.Header().Set("Connection", "close")
			fmt.Fprint(w, "bye")
		default:
			fmt.Fprint(w, "short")
		}
	}))
	defer ts.Close()
	c := newConnection(ts.Listener.Addr().String(), time.Second)
	defer c.close()
	for path, want := range map[string]string{"/chunks": long, "/close": "bye", "/": "short"} {
		for range 2 {
			status, body, err := c.do(get(ts.URL + path))
			if err != nil || status != 200 || string(body) != want {
				t.Errorf("%s: %d, %d bytes, %v", path, status, len(body), err)
			}
		}
	}
}

func TestQuantilesAreWithinTwoPercent(t *testing.T) {
	h, all := &histogram{}, []time.Duration{}
	random := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		d := time.Duration(random.ExpFloat64() * float64(3*time.Millisecond))
		h.add(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 0.999} {
		want, got := all[int(q*float64(len(all)))], h.quantile(q)
		if diff := float64(got-want) / float64(want); diff > 0.02 || diff < -0.02 {
			t.Errorf("quantile %v: %v, truth %v", q, got, want)
		}
	}
	if (&histogram{}).quantile(0.5) != 0 {
		t.Error("no values have a quantile")
	}
}

func TestSummaryOfTheDemoIsUnderstood(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary.json")
	text := `{"operator_url":"http://127.0.0.1:9090","issuers":[
	 {"name":"a","issuer":"http://127.0.0.1:1","clients":{"introspector":{"client_id":"i","client_secret":"s"},"service":{"client_id":"c","client_secret":"t","scope":"x"}}},
	 {"name":"b","issuer":"http://127.0.0.1:2","clients":{}}]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := readSummary(path, "")
	if err != nil || s.Issuer != "http://127.0.0.1:1" || s.introspector.Secret != "s" || s.service.Scope != "x" {
		t.Errorf("%+v, %v", s, err)
	}
	for _, name := range []string{"b", "c"} {
		if _, err := readSummary(path, name); err == nil {
			t.Errorf("issuer %s was accepted", name)
		}
	}
}

func TestLoadNeverLeavesTheMachine(t *testing.T) {
	for _, e := range []string{"http://192.0.2.1:80/token", "https://127.0.0.1:1/", "http://example.com:80/", "http://127.0.0.1/", ":"} {
		if loopbackOnly(e) == nil {
			t.Errorf("%s was accepted", e)
		}
	}
}

func TestFloorProcessEndsWithItsInput(t *testing.T) {
	var out bytes.Buffer
	if err := serveFloor(strings.NewReader(""), &out); err != nil || !strings.HasPrefix(out.String(), "http://127.0.0.1:") {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestMeasuringStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := floorServer(t)
	if _, err := measure(ctx, run{s, documents(s)}, 2, func(uint64, time.Duration) bool { return false }); err == nil {
		t.Error("a cancelled measurement is a result")
	}
}

func FuzzAnswerParserNeverPanicsOrGrowsWithoutBound(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		c := &connection{in: bufio.NewReader(bytes.NewReader(answer))}
		status, _, err := c.read()
		if err == nil && (status < 0 || status > 999) {
			t.Errorf("status %d", status)
		}
		if len(c.body) > maxBody {
			t.Errorf("%d bytes", len(c.body))
		}
	})
}

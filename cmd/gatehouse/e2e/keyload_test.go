package e2e_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Figures of keys under load. Counts are reduced unless GATEHOUSE_TEST_FULL is
// set; then the figures of docs/performance.md are printed.

// used is the processor time of the node so far, and its memory in MiB.
func (n *node) used(t *testing.T) (cpu time.Duration, resident int) {
	t.Helper()
	cpu = cpuOf(t, n.cmd.Process.Pid)
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid))
	kib, _ := strconv.Atoi(regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindStringSubmatch(string(status))[1])
	return cpu, kib >> 10
}

// asking sends requests over so many connections until the time is over, and
// returns how long each took, sorted. An answer that is not 200 fails the test.
func asking(t *testing.T, connections int, length time.Duration, request func(worker, n int) *http.Request) []time.Duration {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var all []time.Duration
	var group sync.WaitGroup
	end := time.Now().Add(length)
	for worker := range connections {
		group.Go(func() {
			var mine []time.Duration
			for n := 0; time.Now().Before(end); n++ {
				began := time.Now()
				resp, err := client.Do(request(worker, n))
				if err != nil {
					t.Errorf("asking: %v", err)
					return
				}
				body, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusOK || strings.Contains(string(body), `"active":false`) {
					t.Errorf("%d %s", resp.StatusCode, body)
					return
				}
				mine = append(mine, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	group.Wait()
	slices.Sort(all)
	return all
}

func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)*p/100]
}

// introspecting is a request about a key, by the gateway.
func (d *deployment) introspecting(key string) *http.Request {
	r, _ := http.NewRequest(http.MethodPost, d.url+"/oauth2/introspect", strings.NewReader(url.Values{"token": {key}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(d.Clients.Introspector.ID), url.QueryEscape(d.Clients.Introspector.Secret))
	return r
}

// forged is a text with the id of a key, another secret and a right checksum: as
// near as somebody comes who knows the id.
func forged(key string) string {
	prefix, body := key[:8], key[8:]
	raw, _ := base64.StdEncoding.DecodeString(body)
	for {
		for n := 12; n < 44; n++ {
			raw[n] = byte(rand.Uint32()) //nolint:gosec // it opens nothing
		}
		table := crc32.MakeTable(crc32.Castagnoli)
		sum := crc32.Update(crc32.Checksum([]byte(prefix), table), table, raw[:44])
		raw[44], raw[45], raw[46], raw[47] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
		if text := base64.StdEncoding.EncodeToString(raw); !strings.ContainsAny(text, "+/") {
			return prefix + text
		}
	}
}

// A thousand wrong secrets a second for ids that exist, of keys and of clients,
// by callers who hang up after 10 ms: whoever is honest is answered as ever, and
// memory stays where it was.
func TestAK07_WrongSecretsByTheThousandDoNotHoldUpAnHonestKey(t *testing.T) {
	d := deploy(t, "sqlite", "")
	n := d.start(t)
	d.populate(t, n)
	made := n.manage(t, http.MethodPost, d.KeysPath, d.keyBody())
	wantStatus(t, made, http.StatusCreated)
	key, other := made.text("key"), n.manage(t, http.MethodPost, d.KeysPath, d.keyBody()).text("key")
	length, pace := time.Duration(counts(2, 20))*time.Second, time.Duration(counts(5000, 1000))*time.Microsecond
	honest := func() []time.Duration {
		return asking(t, 2, length, func(int, int) *http.Request { return d.introspecting(key) })
	}
	honest() // warm
	before := honest()
	_, quiet := n.used(t)

	ctx, cancel := context.WithCancel(t.Context())
	var sent, most atomic.Int64
	var group sync.WaitGroup
	attack := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	texts := make([]string, 64)
	for i := range texts {
		texts[i] = forged([]string{key, other}[i%2])
	}
	group.Go(func() {
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			group.Go(func() {
				hurried, hangUp := context.WithTimeout(ctx, 10*time.Millisecond)
				defer hangUp()
				r := d.introspecting(key)
				if i%2 == 0 {
					r, _ = http.NewRequest(http.MethodGet, d.url+d.KeysPath, nil)
					r.Header.Set("Authorization", "Bearer "+texts[i/2%len(texts)])
				} else {
					r.SetBasicAuth(d.Clients.Service.ID, "wrong-"+strconv.Itoa(i))
				}
				sent.Add(1)
				if resp, err := attack.Do(r.WithContext(hurried)); err == nil {
					if resp.StatusCode == http.StatusOK {
						t.Error("a wrong secret was taken")
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
			})
			if i%100 == 0 {
				if _, resident := n.used(t); int64(resident) > most.Load() {
					most.Store(int64(resident))
				}
			}
		}
	})
	during := honest()
	cancel()
	group.Wait()
	attack.CloseIdleConnections()
	if grown := most.Load() - int64(quiet); grown > 128 {
		t.Errorf("%d MiB more under attack", grown)
	}
	if in := n.form(t, "/oauth2/introspect", d.Clients.Introspector, "token", other); in.json["active"] != true {
		t.Errorf("the other key's owner is told %s", in.body)
	}
	t.Logf("%d wrong secrets in %v; honest p50 %v → %v, p99 %v → %v (%.2f); resident %d MiB → at most %d MiB", sent.Load(), length,
		percentile(before, 50), percentile(during, 50), percentile(before, 99), percentile(during, 99),
		float64(percentile(during, 99))/float64(max(1, percentile(before, 99))), quiet, most.Load())
}

// After a restart every key is proven once more, and then as quick as ever,
// however many there are.
func TestAK07_KeysAreWarmSoonAfterARestartHoweverManyThereAre(t *testing.T) {
	d := deploy(t, "sqlite", "")
	n := d.start(t)
	d.populate(t, n)
	keys := make([]string, counts(20, 1000))
	for i := range keys {
		made := n.manage(t, http.MethodPost, d.KeysPath, d.keyBody())
		wantStatus(t, made, http.StatusCreated)
		keys[i] = made.text("key")
	}
	var warm []float64
	for _, rows := range []int{0, counts(500, 1_000_000)} {
		n.end(syscall.SIGTERM)
		d.seed(t, rows)
		n = d.start(t)
		in := n.form(t, "/oauth2/introspect", d.Clients.Introspector, "token", keys[0]) // the gateway's own secret is proven here
		if in.json["active"] != true {
			t.Fatalf("%s", in.body)
		}
		began, idle := n.used(t)
		for _, key := range keys {
			if in := n.form(t, "/oauth2/introspect", d.Clients.Introspector, "token", key); in.json["active"] != true {
				t.Fatalf("%s", in.body)
			}
		}
		cpu, resident := n.used(t)
		if cpu -= began; cpu > time.Duration(len(keys))*25*time.Millisecond {
			t.Errorf("%d keys took %v of processor time to be warm", len(keys), cpu)
		}
		warm = append(warm, d.warmRate(t, n, keys))
		_, after := n.used(t)
		t.Logf("%d keys among %d: warm after %v of processor time; then %.2f of the bare handler's rate; resident %d MiB at first, %d warm, %d under load",
			len(keys), rows+len(keys), cpu, warm[len(warm)-1], idle, resident, after)
	}
	t.Logf("the warm rate among many is %.2f of that among few", warm[1]/warm[0])
}

// warmRate is how many introspections of the keys are answered for each answer of
// a handler that does nothing: the median of rounds in which both take turns, as
// others use the machine, too.
func (d *deployment) warmRate(t *testing.T, n *node, keys []string) float64 {
	t.Helper()
	length := time.Duration(counts(100, 1000)) * time.Millisecond
	var ratios []float64
	for range counts(3, 9) {
		asked := asking(t, 8, length, func(worker, k int) *http.Request { return d.introspecting(keys[(worker*131+k)%len(keys)]) })
		floor := asking(t, 8, length, func(int, int) *http.Request {
			r, _ := http.NewRequest(http.MethodGet, "http://"+n.operator+"/livez", nil)
			return r
		})
		ratios = append(ratios, float64(len(asked))/float64(max(1, len(floor))))
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

// seed fills the table of a database nobody serves with copies of a key, each
// with an id of its own.
func (d *deployment) seed(t *testing.T, rows int) {
	t.Helper()
	if rows == 0 {
		return
	}
	db, err := sql.Open("sqlite", filepath.Join(d.dir, "gatehouse.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		`CREATE TEMP TABLE filler AS WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ` + strconv.Itoa(rows) + `)
			SELECT k.*, number.n AS n FROM number, (SELECT * FROM api_keys WHERE workspace_id <> '' LIMIT 1) AS k`,
		`UPDATE filler SET id = 'key_' || substr(hex(randomblob(8)), 1, 16), prefix = 'up_live_' || n, last_used_at = NULL`,
		`ALTER TABLE filler DROP COLUMN n`,
		`INSERT OR IGNORE INTO api_keys SELECT * FROM filler`,
		`ANALYZE`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%.60s: %v", statement, err)
		}
	}
}

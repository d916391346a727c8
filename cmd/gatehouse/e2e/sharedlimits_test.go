package e2e_test

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
)

// metric is the value of one without labels.
func (n *node) metric(t testing.TB, name string) float64 {
	t.Helper()
	resp, err := http.Get("http://" + n.operator + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(page)
	if line == nil {
		t.Fatalf("there is no metric %s", name)
	}
	value, err := strconv.ParseFloat(string(line[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// uses asks this node whether a key may be used, until it is asked often enough.
func (n *node) allows(key string) (bool, error) {
	body, _ := json.Marshal(map[string]string{"credential": key})
	a, err := n.try(http.MethodPost, "/v1/verify", string(body), "Content-Type", "application/json", "Authorization", "Basic "+n.d.gateway())
	return a.json["allowed"] == true, err
}

func TestRL01_S16_TwoNodesThatShareAServerLetTheLimitThroughOnce(t *testing.T) {
	t.Parallel()
	server := counterpart.FreeAddress(t)
	stop := counterpart.Redis(t, server, "--requirepass", "of-this-test-only")
	shared := []string{"GATEHOUSE_LIMITS_SHARED_ADDRESS=" + server, "GATEHOUSE_LIMITS_SHARED_PASSWORD=of-this-test-only"}
	d := deploy(t, "postgres", "")
	a := d.start(t, shared...)
	b := d.startAt(t, counterpart.FreeAddress(t), shared...)
	d.populate(t, a)
	for _, n := range []*node{a, b} {
		eventually(t, soon*10, "the node counts at the server, and knows of the other", func() bool {
			return n.metric(t, "gatehouse_shared_limits_connected") == 1 && n.metric(t, "gatehouse_live_nodes") == 2
		})
	}

	_, key := a.key(t)
	const callers, each = 8, 200
	var passed atomic.Int64
	var group sync.WaitGroup
	for caller := range callers {
		n := []*node{a, b}[caller%2]
		group.Go(func() {
			for range each {
				ok, err := n.allows(key)
				if err != nil {
					t.Error(err)
				}
				if ok {
					passed.Add(1)
				}
			}
		})
	}
	group.Wait()
	alone := int64(a.metric(t, "gatehouse_key_uses_counted_alone_total") + b.metric(t, "gatehouse_key_uses_counted_alone_total"))
	if got := passed.Load(); got > 1200+alone || alone == 0 && got != 1200 {
		t.Errorf("%d of %d uses passed; %d were counted alone", got, callers*each, alone)
	}

	// Without the server every key goes on being accepted, on each node its half.
	_, fresh := a.key(t)
	stop()
	half := 0
	for {
		ok, err := b.allows(fresh)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		half++
	}
	if half < 600 || half > 603 { // three may have counted at the server that went
		t.Errorf("one node of two, alone, let %d uses through", half)
	}
	if b.metric(t, "gatehouse_shared_limits_connected") != 0 || b.metric(t, "gatehouse_key_uses_counted_alone_total") < 600 {
		t.Error("the metrics do not tell")
	}
}

package web_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func TestCalendar_SaysWhatEndsWhenAndNoMore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d, _ := h.renewing()
	h.with(func(c *authz.Connection) { c.Fallback.Mode = authz.FallbackAsk })
	at := "/v1/connections/" + string(d.connection.ID)
	link := h.done("POST", at+"/setup-links", `{"expires_in_hours":50}`)
	gone := h.done("POST", at+"/setup-links", `{}`)
	h.done("DELETE", at+"/setup-links/"+gone["id"].(string), "")
	ends := func(days int) []any {
		target := "/v1/connections:calendar?workspace_id=" + string(h.workspace.ID)
		if days > 0 {
			target += "&within_days=" + strconv.Itoa(days)
		}
		return h.listed(target)
	}
	all := ends(0)
	kinds := map[string]map[string]any{}
	last := ""
	for _, e := range all {
		m := e.(map[string]any)
		if m["at"].(string) < last {
			t.Errorf("out of order: %v", all)
		}
		last = m["at"].(string)
		kinds[m["kind"].(string)] = m
	}
	if l := kinds["setup_link"]; len(all) != 3 || l["id"] != link["id"] || l["days_left"] != 2.0 {
		t.Errorf("%v", all)
	}
	for _, kind := range []string{"provider_certificate", "our_certificate"} {
		if c := kinds[kind]; c["last"] != true || c["connection_id"] != string(d.connection.ID) || len(c["id"].(string)) != 64 {
			t.Errorf("%s: %v", kind, c)
		}
	}
	if soon := ends(7); len(soon) != 1 {
		t.Errorf("within a week: %v", soon)
	}
	h.clock.Advance(1000 * time.Hour) // the provider's certificate has ended, the link too
	past := ends(7)
	if len(past) != 1 || past[0].(map[string]any)["kind"] != "provider_certificate" || past[0].(map[string]any)["days_left"].(float64) >= 0 {
		t.Errorf("what has ended: %v", past)
	}
}

func (h *house) listed(target string) []any {
	h.Helper()
	w := h.manage(h.operator, "GET", target, "")
	var page struct{ Items []any }
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != http.StatusOK {
		h.Fatalf("%s: %d %s", target, w.Code, w.Body)
	}
	return page.Items
}

// The end of a provider's metadata is told as it was last seen, and is of use to
// nobody else than its workspace.
func TestCalendar_SaysUntilWhenMetadataIsGood(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		d, p := h.renewing()
		says := func(until time.Time) {
			document := string(d.Metadata())
			if !until.IsZero() {
				document = strings.Replace(document, "<md:EntityDescriptor ", `<md:EntityDescriptor validUntil="`+until.UTC().Format(time.RFC3339)+`" `, 1)
			}
			p.put([]byte(document), http.StatusOK)
			h.metadataOf(d, "POST", "/metadata/refresh", "")
		}
		told := func() (at []string) {
			for _, e := range h.listed("/v1/connections:calendar?workspace_id=" + string(h.workspace.ID)) {
				if m := e.(map[string]any); m["kind"] == "metadata" && m["connection_id"] == string(d.connection.ID) {
					at = append(at, m["at"].(string))
				}
			}
			return at
		}
		until := h.clock.Now().Add(72 * time.Hour).Truncate(time.Second)
		says(time.Time{})
		if at := told(); len(at) != 0 {
			h.Errorf("untold: %v", at)
		}
		says(until)
		want := until.UTC().Format("2006-01-02T15:04:05.000Z")
		if at := told(); len(at) != 1 || at[0] != want {
			h.Errorf("%v, want %s", at, want)
		}
		h.clock.Advance(80 * time.Hour)
		says(until) // refused, and still known
		if at := told(); len(at) != 1 || at[0] != want {
			h.Errorf("past: %v, want %s", at, want)
		}
		says(time.Time{})
		if at := told(); len(at) != 0 {
			h.Errorf("withdrawn: %v", at)
		}
	})
}

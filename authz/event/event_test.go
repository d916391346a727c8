package event_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz/event"
)

func TestTheEnvelopeSaysWhatHappenedWhenAndWhere(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 891_234_000, time.FixedZone("", 2*3600))
	e, err := event.New("uptimepulse", "ws_1", "api_key.revoked", at, map[string]string{"key_id": "key_1"})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"` + e.ID + `","type":"api_key.revoked","time":"2026-03-04T03:06:07.891Z",` +
		`"issuer":"uptimepulse","workspace_id":"ws_1","data":{"key_id":"key_1"}}`
	if string(e.Body) != want {
		t.Errorf("body\n%s\nwant\n%s", e.Body, want)
	}
	if !strings.HasPrefix(e.ID, "evt_") || strings.Contains(e.ID, ".") {
		t.Errorf("id %q: must begin with evt_ and hold no dot", e.ID)
	}
}

func TestAnEventWithoutDataHasAnEmptyObject(t *testing.T) {
	e, err := event.New("i", "", "x.y", time.Now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var body struct {
		Data map[string]any `json:"data"`
	}
	if err := json.Unmarshal(e.Body, &body); err != nil || body.Data == nil {
		t.Errorf("data of %s: %v", e.Body, err)
	}
}

func TestAnEventThatCannotBeToldIsRefused(t *testing.T) {
	now := time.Now()
	for name, make := range map[string]func() error{
		"no issuer": func() error { _, err := event.New("", "", "x", now, nil); return err },
		"no type":   func() error { _, err := event.New("i", "", "", now, nil); return err },
		"no time":   func() error { _, err := event.New("i", "", "x", time.Time{}, nil); return err },
		"no object": func() error { _, err := event.New("i", "", "x", now, []int{1}); return err },
		"null":      func() error { _, err := event.New("i", "", "x", now, (*int)(nil)); return err },
		"too long": func() error {
			_, err := event.New("i", "", "x", now, map[string]string{"a": strings.Repeat("a", event.MaxBody)})
			return err
		},
		"no JSON": func() error { _, err := event.New("i", "", "x", now, func() {}); return err },
	} {
		if make() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

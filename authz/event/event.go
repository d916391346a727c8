package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// MaxBody is the longest body of an event, in bytes: what receivers of
// Standard Webhooks are told to expect.
const MaxBody = 20 << 10

// timeFormat is RFC 3339 in UTC with milliseconds.
const timeFormat = "2006-01-02T15:04:05.000Z"

// envelope is the body of every event.
type envelope struct {
	ID          string            `json:"id"`
	Type        string            `json:"type"`
	Time        string            `json:"time"`
	Issuer      authz.IssuerName  `json:"issuer"`
	WorkspaceID authz.WorkspaceID `json:"workspace_id"`
	Data        any               `json:"data"`
}

// New returns an event with an id of its own and the body
//
//	{"id", "type", "time", "issuer", "workspace_id", "data": {…}}
//
// where time is RFC 3339 in UTC with milliseconds and workspace_id is empty
// for what belongs to the operator. data must render as a JSON object; nil is
// an empty one. A body longer than MaxBody is an error.
func New(issuer authz.IssuerName, ws authz.WorkspaceID, typ string, at time.Time, data any) (authz.Event, error) {
	if issuer == "" || typ == "" || at.IsZero() {
		return authz.Event{}, errors.New("event: issuer, type and time are required")
	}
	if data == nil {
		data = struct{}{}
	}
	rendered, err := json.Marshal(data)
	if err != nil {
		return authz.Event{}, fmt.Errorf("event: rendering the data of %s: %w", typ, err)
	}
	if rendered[0] != '{' {
		return authz.Event{}, fmt.Errorf("event: the data of %s is not an object", typ)
	}
	e := authz.Event{ID: authz.NewEventID(at), Issuer: issuer, WorkspaceID: ws, Type: typ, CreatedAt: at}
	e.Body, err = json.Marshal(envelope{
		ID: e.ID, Type: typ, Time: at.UTC().Format(timeFormat), Issuer: issuer, WorkspaceID: ws, Data: json.RawMessage(rendered),
	})
	if err != nil {
		return authz.Event{}, fmt.Errorf("event: rendering %s: %w", typ, err)
	}
	if len(e.Body) > MaxBody {
		return authz.Event{}, fmt.Errorf("event: the body of %s is longer than %d bytes", typ, MaxBody)
	}
	return e, nil
}

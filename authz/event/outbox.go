package event

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Appender writes an event's deliveries, one for each sink, into the
// transaction of its context.
type Appender interface {
	AppendEvent(ctx context.Context, e authz.Event, sinks []string) error
}

// Outbox is where the acts of one issuer leave their events.
type Outbox struct {
	issuer authz.IssuerName
	store  Appender
	sinks  []string
}

// NewOutbox returns the outbox of an issuer. The sinks are named as their Sink
// names itself; none means that nobody listens.
func NewOutbox(issuer authz.IssuerName, store Appender, sinks []string) (*Outbox, error) {
	if issuer == "" || store == nil || slices.Contains(sinks, "") {
		return nil, errors.New("event: an issuer, a store and the names of the sinks are required")
	}
	return &Outbox{issuer: issuer, store: store, sinks: slices.Clone(sinks)}, nil
}

// Append writes an event as New makes it. It belongs into the transaction of
// the act; after the commit, Dispatcher.Wake sends it on its way.
func (o *Outbox) Append(ctx context.Context, ws authz.WorkspaceID, typ string, at time.Time, data any) error {
	e, err := New(o.issuer, ws, typ, at, data)
	if err != nil {
		return err
	}
	if err := o.store.AppendEvent(ctx, e, o.sinks); err != nil {
		return fmt.Errorf("appending %s to the outbox: %w", typ, err)
	}
	return nil
}

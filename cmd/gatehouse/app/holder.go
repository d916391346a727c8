package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// holder names this process in lease rows.
func (a *App) holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d", host, os.Getpid())
}

// aloneTime is how long a node may be alone at something, and how long another
// waits for its turn.
const aloneTime = 30 * time.Second

// alone runs fn while no other node does what goes by the same name.
func (a *App) alone(ctx context.Context, name string, fn func() error) error {
	ctx, cancel := context.WithTimeout(ctx, aloneTime)
	defer cancel()
	for {
		held, _, err := a.store.AcquireLease(ctx, name, a.holder(), aloneTime, a.clock.Now())
		if err != nil {
			return err
		}
		if held {
			return errors.Join(fn(), a.store.ReleaseLease(context.WithoutCancel(ctx), name, a.holder()))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another node holds the %s: %w", name, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

package apikey

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

const (
	// guessAlarm is how many invented keys within guessWindow are told of, and
	// guessQuiet how long after that nothing more is.
	guessAlarm  = 100
	guessWindow = time.Minute
	guessQuiet  = time.Hour
)

// guesses counts texts that are keys of the issuer in every way a stranger can
// see, and bear no tag of ours: somebody writes such texts, or uses the keys of
// another installation here. Each is refused before anything is looked up, so
// that only their number says that it goes on.
type guesses struct {
	mu    sync.Mutex
	count int64
	from  string // the address of the last
	began time.Time
	told  time.Time
}

func (g *guesses) add(from string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count++
	g.from = from
}

// due is what is to be told now, if anything; a window that is over begins anew.
func (g *guesses) due(now time.Time) (count int64, from string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.count >= guessAlarm && (g.told.IsZero() || now.Before(g.told) || !now.Before(g.told.Add(guessQuiet))) {
		count, from = g.count, g.from
		g.told, g.began, g.count = now, now, 0
		return count, from
	}
	if now.Before(g.began) || !now.Before(g.began.Add(guessWindow)) {
		g.began, g.count = now, 0
	}
	return 0, ""
}

// untold takes back that so many were told of: the next step tells again.
func (g *guesses) untold(count int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.told = time.Time{}
	g.count += count
}

// toldOfGuesses is what an event says of invented keys.
type toldOfGuesses struct {
	Count    int64  `json:"count"`
	Address  string `json:"address,omitempty"`
	Severity string `json:"severity"`
}

// TellOfGuesses tells the operator, once an hour at most, when a hundred invented
// keys came within a minute. It is one step of a job, of every node for itself.
func (k *Keys) TellOfGuesses(ctx context.Context) error {
	now := k.cfg.Clock.Now()
	count, from := k.guesses.due(now)
	if count == 0 {
		return nil
	}
	err := k.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		entry := authz.AuditEntry{
			Issuer: k.cfg.Issuer, Time: now, Type: typeGuessed, Result: authz.Refused, Reason: reasonTag,
			Details: map[string]any{"count": count, "address": from},
		}
		if err := k.cfg.Store.AppendAudit(ctx, entry); err != nil {
			return err
		}
		return k.cfg.Outbox.Append(ctx, "", typeGuessed, now, toldOfGuesses{Count: count, Address: from, Severity: severityGuess})
	})
	if err != nil {
		k.guesses.untold(count)
		return fmt.Errorf("telling of invented API keys: %w", err)
	}
	return nil
}

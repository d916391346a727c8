package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

const (
	waitingPushed = `SELECT count(*),
		(SELECT count(*) FROM pushed_requests WHERE state = 'active' AND issuer = ? AND client_id = ? AND expires_at > ?)
		FROM pushed_requests WHERE state = 'active' AND issuer = ? AND expires_at > ?`
	waitingRequests = `SELECT count(*),
		(SELECT count(*) FROM authorization_requests WHERE state = 'active' AND issuer = ? AND client_id = ? AND expires_at > ?)
		FROM authorization_requests WHERE state = 'active' AND issuer = ? AND expires_at > ?`
)

// CountPushedRequests counts the pushed requests that can still be used at now.
func (s *Store) CountPushedRequests(ctx context.Context, issuer authz.IssuerName, client authz.ClientID, now time.Time) (authz.Waiting, error) {
	return s.countWaiting(ctx, waitingPushed, issuer, client, now)
}

// CountAuthorizationRequests counts the requests that wait for a person at now.
func (s *Store) CountAuthorizationRequests(ctx context.Context, issuer authz.IssuerName, client authz.ClientID, now time.Time) (authz.Waiting, error) {
	return s.countWaiting(ctx, waitingRequests, issuer, client, now)
}

func (s *Store) countWaiting(ctx context.Context, query string, issuer authz.IssuerName, client authz.ClientID, now time.Time) (authz.Waiting, error) {
	var w authz.Waiting
	at := utc(now)
	err := s.queryRow(ctx, query, issuer, client, at, issuer, at).Scan(&w.Issuer, &w.Client)
	return w, failure(ctx, "counting what waits", err)
}

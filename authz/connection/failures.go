package connection

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxFailures bounds a list of failures.
const maxFailures = 50

// Failure is a sign-in that was refused, and what it means.
type Failure struct {
	authz.AuditEntry
	// Diagnosis says in plain words what is wrong and what to do. It is for
	// administrators, never for the person who tried.
	Diagnosis string
}

// Failures returns the latest sign-ins and logouts that were refused at a
// connection, the newest first, at most 50.
func (s *Connections) Failures(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID) ([]Failure, error) {
	if _, err := s.Get(ctx, by, ws, id); err != nil {
		return nil, err
	}
	entries, err := s.cfg.Store.LastRefusals(ctx, s.cfg.Issuer, ws, string(id), []string{"login.refused", "logout.refused"}, maxFailures)
	if err != nil {
		return nil, err
	}
	failures := make([]Failure, len(entries))
	for i, e := range entries {
		failures[i] = Failure{AuditEntry: e, Diagnosis: s.cfg.Upstreams.Explain(e.Reason)}
	}
	return failures, nil
}

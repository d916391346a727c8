package storage_test

import (
	"fmt"
	"testing"

	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

// reported is a test that takes note of what fails.
type reported struct {
	testing.TB
	errors []string
}

func (r *reported) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// That the suites find no scan says something only where one would be found.
func TestPlansFindScans(t *testing.T) {
	for statement, bad := range map[string]bool{
		"SELECT id FROM members WHERE role = ?":                             true,
		"SELECT count(*) FROM members":                                      true,
		"DELETE FROM audit_entries WHERE ip = $1$":                          true,
		"UPDATE api_keys SET name = $1$ WHERE name IN ($2$,$3$)":            true,
		"SELECT id FROM workspaces ORDER BY id":                             true,
		"SELECT user_id FROM members WHERE issuer = ? AND workspace_id = ?": false,
		"SELECT version_id FROM goose_db_version":                           false,
		"INSERT INTO node_events (kind, id, at) VALUES (?, ?, ?)":           false,
		"SAVEPOINT sp1": false,
		// A database that has counted nothing yet reads a whole issuer for an id.
		"SELECT s.acr FROM grants g LEFT JOIN sessions s ON s.id = g.session_id AND s.issuer = g.issuer WHERE g.id = ? AND g.issuer = ?":               true,
		"SELECT s.acr FROM sessions s LEFT JOIN users u ON u.id = s.user_id WHERE s.digest = ? AND s.issuer = ?":                                       true,
		"SELECT s.acr FROM grants g LEFT JOIN sessions s ON s.id = g.session_id AND s.issuer || '' = g.issuer WHERE g.id = ? AND g.issuer = ?":         false,
		"SELECT g.acr FROM authorization_codes t JOIN grants g ON g.id = t.grant_id AND g.issuer || '' = t.issuer WHERE t.digest = ? AND t.issuer = ?": true,
		"SELECT g.acr FROM authorization_codes t JOIN grants g ON g.id = t.grant_id AND g.issuer = t.issuer || '' WHERE t.digest = ? AND t.issuer = ?": false,
		"SELECT event_id FROM audit_entries WHERE issuer = ? AND workspace_id = ? AND cross_team ORDER BY time, event_id LIMIT 10":                     false,
	} {
		var plans storagetest.Plans
		plans.Observe(statement)
		r := &reported{TB: t}
		plans.Check(r)
		if (len(r.errors) > 0) != bad {
			t.Errorf("%s: %v", statement, r.errors)
		}
	}
}

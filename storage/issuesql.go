package storage

import (
	"strconv"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// The statements of an issuance, the same on both databases but for how they
// are put together. A leaf takes its workspace from its grant.
const (
	useCode = `UPDATE authorization_codes SET state = 'used' WHERE digest = ? AND issuer = ? AND state = 'active'` + ofGrant

	useRefreshToken = `UPDATE refresh_tokens SET state = 'used', used_at = ?, successor = ?, successor_digest = ?
	WHERE digest = ? AND issuer = ? AND state = 'active'` + ofGrant

	ofGrant = ` AND EXISTS (SELECT 1 FROM grants WHERE id = ? AND issuer = ?)`

	auditColumns = `INSERT INTO audit_entries (event_id, issuer, workspace_id, account_id, time, type, result, reason,
	actor, target, request_id, ip, user_agent, details)`
	insertAudit = auditColumns + ` VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
)

// step is one statement of an issuance.
type step struct {
	sql  string
	args []any
}

// consuming is the step that a race is lost at, or none.
func consuming(i *authz.Issuance) (step, bool) {
	if i.Code != nil {
		return step{useCode, []any{i.Code[:], i.Issuer, i.Access.GrantID, i.Issuer}}, true
	}
	if r := i.Rotation; r != nil {
		return step{useRefreshToken, []any{utc(r.At), r.Sealed, r.Successor[:], r.Digest[:], i.Issuer, i.Access.GrantID, i.Issuer}}, true
	}
	return step{}, false
}

// issuing are the steps of an issuance but its audit entry.
func issuing(i *authz.Issuance) []step {
	if first, once := consuming(i); once {
		return append([]step{first}, creating(i)...)
	}
	return creating(i)
}

// creating are the steps that write the tokens.
func creating(i *authz.Issuance) []step {
	t := &i.Access
	steps := []step{{insertAccessToken, []any{
		t.Digest[:], asText(t.Scopes), asText(t.Audience), raw(t.Details), asText(t.Confirmation), t.JTI, t.State, utc(t.IssuedAt),
		utc(t.ExpiresAt), t.GrantID, t.Issuer,
	}}}
	if r := i.Refresh; r != nil {
		steps = append(steps, step{insertRefreshToken, []any{
			r.Digest[:], asText(r.Scopes), asText(r.Confirmation), r.State, utc(r.CreatedAt), optional(r.ExpiresAt), r.GrantID, r.Issuer,
		}})
	}
	return steps
}

func auditing(e *authz.AuditEntry) step {
	return step{insertAudit, []any{
		e.ID, e.Issuer, e.WorkspaceID, e.AccountID, utc(e.Time), e.Type, e.Result, e.Reason, e.Actor, e.Target, e.RequestID,
		e.IP, e.UserAgent, asText(e.Details),
	}}
}

// numbered writes the statement's parameters as PostgreSQL does, counting on
// from what was used.
func numbered(b *strings.Builder, sql string, used int) int {
	for {
		before, after, found := strings.Cut(sql, "?")
		b.WriteString(before)
		if !found {
			return used
		}
		used++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(used))
		sql = after
	}
}

package apikey

import (
	"reflect"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// difference lists the members of a key that differ, by the names they have in
// the API, as they were and as they are.
func difference(before, after authz.APIKey) (was, is map[string]any) {
	was, is = map[string]any{}, map[string]any{}
	a, b := members(before), members(after)
	for name := range a {
		if !reflect.DeepEqual(a[name], b[name]) {
			was[name], is[name] = a[name], b[name]
		}
	}
	return was, is
}

// members are those of a key that change. A list without items is one of none.
func members(k authz.APIKey) map[string]any {
	return map[string]any{
		"name": k.Name, "scopes": append([]string{}, k.Scopes...), "resources": cloned(k.Resources),
		"ip_allowlist": append([]string{}, k.IPAllowlist...), "tier": k.Tier, "state": string(k.State),
		"expires_at": moment(k.ExpiresAt), "grace_until": moment(k.GraceUntil),
		"rotation_interval": FormatDuration(k.RotateEvery), "rotation_delivery": string(k.Delivery),
	}
}

// moment is RFC 3339 in UTC, or empty for the zero time.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

package api

import (
	"strconv"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// IfMatch makes a change conditional (RFC 9110 section 13.1.1).
type IfMatch struct {
	IfMatch string `header:"If-Match" maxLength:"40" doc:"The ETag of what was read; 412 when it has changed since."`
}

// revision is the revision the change is for; 0 for whichever there is.
func (m IfMatch) revision() (int64, error) {
	if m.IfMatch == "" || m.IfMatch == "*" {
		return 0, nil
	}
	text, opened := strings.CutPrefix(m.IfMatch, `"`)
	text, closed := strings.CutSuffix(text, `"`)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || !opened || !closed {
		return 0, authz.NewError(authz.Invalid, "invalid_if_match", "If-Match: is not an ETag of this API.")
	}
	return n, nil
}

// etag is the entity tag of a revision.
func etag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

// tagged is an answer whose revision can be named in If-Match.
func tagged[T any](body T, revision int64) *answer[T] {
	out := answered(body)
	out.ETag = etag(revision)
	return out
}

package api

import (
	"errors"
	"strconv"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

var (
	errIfMatch = authz.NewError(authz.Invalid, "invalid_if_match", "If-Match: is not an ETag of this resource.")
	// errPrecondition answers RFC 9110 section 13.1.1.
	errPrecondition = authz.NewError(authz.Stale, "stale", "The object was changed since it was read.")
)

// etag is the entity tag of a resource at a revision (RFC 9110 section 8.8.3).
func etag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

// revisionOf is the revision that If-Match asks for; 0 for any.
func revisionOf(ifMatch string) (int64, error) {
	if ifMatch == "" || ifMatch == "*" {
		return 0, nil
	}
	n, err := strconv.ParseInt(strings.Trim(ifMatch, `"`), 10, 64)
	if err != nil || n <= 0 {
		return 0, errIfMatch
	}
	return n, nil
}

// preconditioned tells who asked for a revision that the resource has another;
// who did not was in somebody's way.
func preconditioned(ifMatch string, err error) error {
	if ifMatch != "" && errors.Is(err, authz.ErrStale) {
		return errPrecondition.Because(err)
	}
	return err
}

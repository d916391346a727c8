package outbound

import "errors"

var (
	// ErrBlocked says that a URL or an address is not one to talk to.
	ErrBlocked = errors.New("outbound: address not allowed")
	// ErrRedirect says that the other side answered with a redirect.
	ErrRedirect = errors.New("outbound: redirects are not followed")
	// ErrTooLarge says that a body is longer than allowed.
	ErrTooLarge = errors.New("outbound: body too large")
)

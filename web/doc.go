// Package web serves the issuers over HTTP: the outer ring every request
// passes, the map of routes, and the one table that turns errors into answers.
//
//	ring:  request id → client address → issuer by host → security headers →
//	       body limit → rate limit → cross-origin protection (pages only) →
//	       handler that returns an error → one renderer → one log line
//
// routes.go is the whole map on one page. errors.go alone knows HTTP status
// codes.
package web

// Package conformance holds the real binary to what the modules of the OpenID
// Foundation's conformance suite demand, as black-box tests over TLS. Each test
// is named after its module; each file is a plan.
//
//	server_test.go   the binary on the default profile, with an upstream
//	browser_test.go  a browser without script: cookies, redirects, forms by id
//	rp_test.go       a relying party that asks, and hears of logouts
//	verify_test.go   what every answer must keep to
package conformance

// Package outbound makes the HTTP client for requests to addresses that
// strangers chose: upstream identity providers, webhooks.
//
// Such a client reaches only the public internet. A host is resolved once,
// every address it resolves to is checked, and the checked address is the one
// dialled, so that a name cannot change its mind in between (DNS rebinding).
// Redirects are errors, the environment's proxies are ignored, TLS is 1.2 or
// later, an exchange ends after 5 seconds and a body after 1 MiB.
//
//	client := outbound.NewClient(outbound.Config{})
//	err := outbound.CheckURL(raw) // when an administrator saves it
package outbound

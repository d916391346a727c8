// Package e2e tests the whole product as its users meet it: the real binary,
// real databases, real identity providers, real clients, a real browser. Tests
// are named after the promise, attack or RFC section they hold.
package e2e

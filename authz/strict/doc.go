// Package strict reads JSON in which nothing can be meant twice: what two
// readers could understand differently is refused, and an error never quotes
// what was sent (RFC 8725 section 2.8, RFC 8259 section 4).
package strict

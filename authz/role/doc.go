// Package role says what roles are made of, who may give one to whom, and what
// all roles of a subject come to. It is pure.
package role

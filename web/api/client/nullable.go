package client

import "encoding/json"

// Nullable is a member of a change that may be absent, null or a value (RFC
// 7396): the zero Nullable leaves what is there.
type Nullable[T any] struct {
	given bool
	value *T
}

// To sets the member to v.
func To[T any](v T) Nullable[T] { return Nullable[T]{given: true, value: &v} }

// Null takes away what is there.
func Null[T any]() Nullable[T] { return Nullable[T]{given: true} }

// IsZero reports whether the member is absent.
func (n Nullable[T]) IsZero() bool { return !n.given }

// MarshalJSON is null or the value.
func (n Nullable[T]) MarshalJSON() ([]byte, error) { return json.Marshal(n.value) }

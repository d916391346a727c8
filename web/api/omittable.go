package api

import (
	"bytes"
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// Omittable is a member of a change that may be absent, null or a value (RFC
// 7396): absent leaves what is there, null takes it away.
type Omittable[T any] struct {
	Given bool
	Value T // zero for null
}

// UnmarshalJSON notes that the member is there.
func (o *Omittable[T]) UnmarshalJSON(raw []byte) error {
	o.Given = true
	var zero T
	if o.Value = zero; bytes.Equal(raw, []byte("null")) {
		return nil
	}
	return json.Unmarshal(raw, &o.Value)
}

// Schema is that of the value, or null.
func (Omittable[T]) Schema(r huma.Registry) *huma.Schema {
	s := r.Schema(reflect.TypeFor[T](), true, "")
	if s.Ref != "" {
		s = r.SchemaFromRef(s.Ref)
	}
	nullable := *s
	nullable.Nullable = true
	return &nullable
}

// member is the value if it is given, for a change that keeps what is nil.
func (o Omittable[T]) member() *T {
	if !o.Given {
		return nil
	}
	return &o.Value
}

package config

import (
	"encoding"
	"errors"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// isScalar reports whether a value of the type is written as one text.
func isScalar(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[Secret](), reflect.TypeFor[netip.Prefix]():
		return true
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Map:
		return false
	}
	return true
}

// setScalar reads text into v. The error says what must be written and never
// repeats what was: it may be a secret in the wrong place.
func setScalar(v reflect.Value, text string) error {
	if v.Type() == reflect.TypeFor[Secret]() {
		v.Set(reflect.ValueOf(NewSecret(text)))
		return nil
	}
	if strings.Contains(text, "${env:") {
		return errors.New("${env:NAME} is expanded in secrets only")
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(text)
		if err != nil {
			return errors.New("must be a duration such as 90s, 15m or 72h")
		}
		v.SetInt(int64(d))
		return nil
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if u.UnmarshalText([]byte(text)) != nil || text == "" {
			return errors.New("must be a prefix such as 10.0.0.0/8 or 2001:db8::/32")
		}
		return nil
	}
	return setBasic(v, text)
}

func setBasic(v reflect.Value, text string) error {
	switch v.Kind() {
	case reflect.Pointer: // *bool: unset is a third answer
		v.Set(reflect.New(v.Type().Elem()))
		return setBasic(v.Elem(), text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return errors.New("must be true or false")
		}
		v.SetBool(text == "true")
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return errors.New("must be a whole number")
		}
		v.SetInt(n)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return errors.New("must be a number")
		}
		v.SetFloat(f)
	default:
		v.SetString(text)
	}
	return nil
}

// keyOf is the name of a struct's field in the file.
func keyOf(f reflect.StructField) string { return f.Tag.Get("yaml") }

func fieldByKey(v reflect.Value, key string) (reflect.Value, bool) {
	for f, field := range v.Fields() {
		if keyOf(f) == key {
			return field, true
		}
	}
	return reflect.Value{}, false
}

// newElement returns a settable element for a list, defaults filled in.
func newElement(t reflect.Type, peek func(key string) string) reflect.Value {
	element := reflect.New(t)
	if d, ok := element.Interface().(defaulter); ok {
		d.setDefaults(peek)
	}
	return element.Elem()
}

func putEntry(m reflect.Value, key string, element reflect.Value) {
	if m.IsNil() {
		m.Set(reflect.MakeMap(m.Type()))
	}
	m.SetMapIndex(reflect.ValueOf(key), element)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

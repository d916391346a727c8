package config

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

var envReference = regexp.MustCompile(`\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}`)

// resolver fetches secrets from where the configuration says they are.
type resolver struct {
	env      environment
	used     map[string]bool // variables that were referred to
	problems Problems
}

// secretField is a secret and the setting beside it that names a file.
type secretField struct {
	path  string
	value reflect.Value // a Secret
	file  reflect.Value // a string
}

// secretFields are the secrets among the fields of a struct.
func secretFields(path string, v reflect.Value) []secretField {
	var secrets []secretField
	for f, field := range v.Fields() {
		if f.Type != reflect.TypeFor[Secret]() {
			continue
		}
		if file, ok := fieldByKey(v, keyOf(f)+"_file"); ok {
			secrets = append(secrets, secretField{join(path, keyOf(f)), field, file})
		}
	}
	return secrets
}

func (r *resolver) value(path string, v reflect.Value) {
	if isScalar(v.Type()) {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, s := range secretFields(path, v) {
			s.value.Set(reflect.ValueOf(r.secret(s)))
		}
		for f, field := range v.Fields() {
			r.value(join(path, keyOf(f)), field)
		}
	case reflect.Slice:
		for i := range v.Len() {
			r.value(path+"["+strconv.Itoa(i)+"]", v.Index(i))
		}
	}
}

func (r *resolver) secret(s secretField) Secret {
	text, file := s.value.Interface().(Secret).Reveal(), s.file.String()
	switch {
	case text != "" && file != "":
		r.problems.add(s.path, "is set twice, here and by %s_file", s.path)
	case file != "":
		return r.fromFile(s.path, file)
	case text == Placeholder:
		r.problems.add(s.path, "is the placeholder of a printed configuration, not a secret")
	case text != "":
		return r.expand(s.path, text)
	}
	return Secret{}
}

func (r *resolver) fromFile(path, file string) Secret {
	text, err := readFile(file)
	if err != nil {
		r.problems.add(path+"_file", "cannot be read: %v", err)
		return Secret{}
	}
	// Editors and echo end a file with a newline.
	trimmed := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if trimmed == "" {
		r.problems.add(path+"_file", "is an empty file")
		return Secret{}
	}
	return Secret{text: trimmed, source: fromFile}
}

// expand replaces references once; what a variable holds is not expanded again.
func (r *resolver) expand(path, text string) Secret {
	expanded := envReference.ReplaceAllStringFunc(text, func(reference string) string {
		name := envReference.FindStringSubmatch(reference)[1]
		r.used[name] = true
		value := r.env[name]
		if value == "" {
			r.problems.add(path, "the environment variable %s is not set", name)
		}
		return value
	})
	s := Secret{text: expanded}
	if envReference.FindString(text) == text {
		s.source = text
	}
	return s
}

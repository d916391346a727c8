package config

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

const envPrefix = "GATEHOUSE_"

// environment is the process's variables by name.
type environment map[string]string

func newEnvironment(environ []string) environment {
	env := environment{}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			env[name] = value
		}
	}
	return env
}

// envName is the variable of a setting: issuers[0].url is GATEHOUSE_ISSUERS_0_URL.
func envName(path string) string {
	return envPrefix + strings.ToUpper(strings.NewReplacer("].", "_", "[", "_", "]", "", ".", "_").Replace(path))
}

// overlay lays the environment over a value.
type overlay struct {
	env       environment
	used      map[string]bool // variables that named something
	positions map[string]position
	problems  Problems
}

func (o *overlay) value(path string, v reflect.Value) {
	switch {
	case isScalar(v.Type()):
		o.scalar(path, v)
	case v.Kind() == reflect.Struct:
		o.block(path, v)
	case v.Kind() == reflect.Map:
		o.entries(path, v)
	case isScalar(v.Type().Elem()):
		o.list(path, v)
	default:
		o.blocks(path, v)
	}
}

// take is what the environment says of a setting. From then on the setting is
// no longer the file's.
func (o *overlay) take(path string) (string, bool) {
	name := envName(path)
	text, ok := o.env[name]
	if ok {
		o.used[name] = true
		delete(o.positions, path)
	}
	return text, ok
}

func (o *overlay) scalar(path string, v reflect.Value) {
	if text, ok := o.take(path); ok {
		o.set(path, v, text)
	}
}

func (o *overlay) set(path string, v reflect.Value, text string) {
	if err := setScalar(v, text); err != nil {
		o.problems.add(path, "%v (set by %s)", err, envName(path))
	}
}

func (o *overlay) block(path string, v reflect.Value) {
	for f, field := range v.Fields() {
		o.value(join(path, keyOf(f)), field)
	}
	for _, s := range secretFields(path, v) {
		_, inline := o.env[envName(s.path)]
		_, file := o.env[envName(s.path+"_file")]
		// A secret from the environment replaces one from the file, in
		// whichever of the two ways either was given.
		if inline && !file {
			s.file.SetString("")
		}
		if file && !inline {
			s.value.SetZero()
		}
	}
}

// list reads a list of plain values, separated by commas, in place of the old.
func (o *overlay) list(path string, v reflect.Value) {
	text, ok := o.take(path)
	if !ok {
		return
	}
	v.SetZero()
	for i, part := range splitList(text) {
		element := reflect.New(v.Type().Elem()).Elem()
		if err := setScalar(element, part); err != nil {
			o.problems.add(fmt.Sprintf("%s[%d]", path, i), "%v (set by %s)", err, envName(path))
		}
		v.Set(reflect.Append(v, element))
	}
}

// entries reads name=value pairs, beside the old ones.
func (o *overlay) entries(path string, v reflect.Value) {
	text, ok := o.take(path)
	if !ok {
		return
	}
	for _, part := range splitList(text) {
		key, value, _ := strings.Cut(part, "=")
		element := reflect.New(v.Type().Elem()).Elem()
		if err := setScalar(element, strings.TrimSpace(value)); err != nil {
			o.problems.add(path, "name=value pairs: %v (set by %s)", err, envName(path))
			continue
		}
		putEntry(v, strings.TrimSpace(key), element)
	}
}

// blocks goes into a list of blocks by position and appends to its end.
func (o *overlay) blocks(path string, v reflect.Value) {
	for i := 0; i < maxList; i++ {
		at := fmt.Sprintf("%s[%d]", path, i)
		if i == v.Len() {
			if !o.env.mentions(envName(at) + "_") {
				return
			}
			peek := func(key string) string { return o.env[envName(join(at, key))] }
			v.Set(reflect.Append(v, newElement(v.Type().Elem(), peek)))
		}
		o.value(at, v.Index(i))
	}
}

func (env environment) mentions(prefix string) bool {
	for name := range env {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func splitList(text string) []string {
	var parts []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) > maxList {
		parts = parts[:maxList]
	}
	return parts
}

// serviceLink matches what Kubernetes and Docker put into the environment of
// every container beside a service named gatehouse.
var serviceLink = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// refuseUnknown notes every GATEHOUSE_ variable that names nothing, so that a
// misspelt one is not silently without effect.
func (o *overlay) refuseUnknown(c Config) {
	for _, i := range c.Issuers {
		o.used[i.Keys.EnvVar] = true
	}
	for _, name := range slices.Sorted(maps.Keys(o.env)) {
		if strings.HasPrefix(name, envPrefix) && !o.used[name] && !reserved(name) {
			o.problems.add(name, "no setting has this environment variable (positions in lists count from 0, without a gap)")
		}
	}
}

// reserved reports whether the variable is read by others than this package:
// the command line, and the Terraform provider.
func reserved(name string) bool {
	switch name {
	case "GATEHOUSE_API_KEY", "GATEHOUSE_CONFIG", "GATEHOUSE_URL",
		"GATEHOUSE_ISSUER", "GATEHOUSE_WORKSPACE_ID", "GATEHOUSE_CLIENT_ID", "GATEHOUSE_CLIENT_SECRET":
		return true
	}
	return strings.HasPrefix(name, "GATEHOUSE_TEST_") || serviceLink.MatchString(name)
}

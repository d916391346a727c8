package config

import (
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
)

// maxFile bounds the configuration file and every file of a secret, in bytes.
// It holds 32 issuers printed in full, and keeps what the YAML parser takes
// more than linear time for to seconds.
const maxFile = 256 << 10

// Load reads the file at path, or takes Default when path is empty, lays the
// environment over it (entries are "NAME=value", as os.Environ gives them),
// fetches the secrets and validates. The error is Problems, all of them; the
// Config is then what could be understood, fit to be shown and no more.
func Load(path string, environ []string) (Config, error) {
	text := []byte(withoutFile)
	if path != "" {
		var err error
		if text, err = readFile(path); err != nil {
			return Config{}, Problems{{Message: fmt.Sprintf("reading the configuration: %v", err)}}
		}
	}
	c, problems := assemble(text, newEnvironment(environ))
	if path == "" {
		for i := range problems {
			problems[i].Line, problems[i].Column = 0, 0
		}
	}
	return c, problems.err()
}

// assemble does all of Load but reading the file.
func assemble(text []byte, env environment) (Config, Problems) {
	c := base()
	d := decoder{env: env, positions: map[string]position{}}
	root := reflect.ValueOf(&c).Elem()
	if !d.file(text, root) {
		return c, d.problems
	}

	o := overlay{env: env, used: map[string]bool{}, positions: d.positions}
	o.value("", root)
	r := resolver{env: env, used: o.used}
	r.value("", root)
	o.refuseUnknown(c)
	migrates := c.Database.Migrates()
	c.Database.AutoMigrate = &migrates

	problems := append(d.problems, o.problems...)
	problems = append(problems, r.problems...)
	problems = append(problems, c.problems().except(problems)...)
	for i, p := range problems {
		if at, ok := d.positions[p.Path]; ok && p.Line == 0 {
			problems[i].Line, problems[i].Column = at.line, at.column
		}
	}
	return c, problems
}

// except leaves out problems of settings that others have one with already: a
// value that could not be read need not be judged too, nor one whose file could
// not.
func (p Problems) except(others Problems) Problems {
	known := map[string]bool{}
	for _, o := range others {
		known[o.Path], known[strings.TrimSuffix(o.Path, "_file")] = true, true
	}
	var rest Problems
	for _, problem := range p {
		if !known[problem.Path] {
			rest = append(rest, problem)
		}
	}
	return rest
}

// readFile reads at most maxFile bytes.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return text, nil
}

package config

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a configuration. It never quotes a
// secret.
type Problem struct {
	// Path names the setting, such as "issuers[1].tokens.access_ttl"; empty
	// for the file as a whole.
	Path string
	// Message says what must be true instead.
	Message string
	// Line and Column say where in the file, from 1; zero when the value did
	// not come from the file.
	Line, Column int
}

// String is the problem on one line.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Path)
	if p.Line > 0 {
		fmt.Fprintf(&b, " (line %d, column %d)", p.Line, p.Column)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	return strings.TrimSpace(b.String())
}

// Problems is everything that is wrong with a configuration, as an error.
type Problems []Problem

// Error lists the problems, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// add appends a problem at path.
func (p *Problems) add(path, format string, args ...any) {
	*p = append(*p, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

// err is nil when there are no problems: a nil Problems in an error is not a
// nil error.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

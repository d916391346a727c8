package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

func newKeyScan(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "scan PATH…", Short: "Find leaked API keys in files, offline", Args: cobra.MinimumNArgs(1),
		Long: `Finds API keys of every product in files and directories by their checksum: no
server is asked. "-" reads standard input; the output of "git log -p --all" there
is searched with the commit, file and line of each find. Keys are shown by their
id and last four characters, never whole.

Exit status: 0 no key found, 1 a key found or something could not be read.`,
		Example: "  gatehouse key scan .\n  git log -p --all | gatehouse key scan -",
		RunE: func(c *cobra.Command, args []string) error {
			if r.output != "text" && r.output != "json" {
				return usagef("-o must be text or json")
			}
			s := &keyScan{ctx: c.Context(), out: os.Stdout, warn: os.Stderr, json: r.output == "json", progress: newProgress(os.Stderr)}
			for _, path := range args {
				if err := s.path(path); err != nil {
					return err
				}
			}
			return s.verdict()
		},
	}
}

// keyScan looks for keys in one place after another.
type keyScan struct {
	ctx      context.Context
	out      io.Writer
	warn     io.Writer
	json     bool
	progress *progress
	found    int
	places   int
	unread   int
}

// find is a key and its place, as -o json tells it.
type find struct {
	Prefix string `json:"prefix"`
	Last4  string `json:"last4"`
	Path   string `json:"path"`
	Line   int64  `json:"line"`
	Commit string `json:"commit,omitempty"`
}

func (s *keyScan) path(path string) error {
	if path == "-" {
		return s.scan(os.Stdin, newGitLog("-"))
	}
	info, err := os.Stat(path)
	if err != nil {
		return s.skip(path, err)
	}
	if !info.IsDir() {
		return s.file(path)
	}
	return filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return s.skip(path, err)
		case !entry.Type().IsRegular(): // links are looked at where they lead, if that is below; devices do not end
			return nil
		}
		return s.file(path)
	})
}

// skip goes on without what cannot be read, and says so.
func (s *keyScan) skip(path string, err error) error {
	s.progress.clear()
	s.unread++
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	_, err = fmt.Fprintf(s.warn, "gatehouse: %s: %v\n", path, err)
	return err
}

func (s *keyScan) file(path string) error {
	f, err := os.Open(path) //nolint:gosec // the caller's own files
	if err != nil {
		return s.skip(path, err)
	}
	defer f.Close()
	return s.scan(f, place{path: path})
}

// locator says where a line of what is read belongs.
type locator interface {
	line(head []byte)
	at(line int64) (path string, number int64, commit string)
}

// place is a file.
type place struct{ path string }

func (place) line([]byte)                             {}
func (p place) at(line int64) (string, int64, string) { return p.path, line, "" }

func (s *keyScan) scan(in io.Reader, where locator) error {
	s.places++
	scanner := apikey.Scanner{Line: where.line, Found: func(f apikey.Found) error {
		path, line, commit := where.at(f.Line)
		return s.tell(find{Prefix: f.Key.Shown(), Last4: f.Last4, Path: path, Line: line, Commit: commit})
	}}
	path, _, _ := where.at(0)
	_, err := scanner.Scan(&counted{in: in, ctx: s.ctx, progress: s.progress})
	s.progress.file()
	if written, ok := errors.AsType[*outputError](err); ok {
		return written.err
	}
	if err != nil && s.ctx.Err() == nil {
		return s.skip(path, err)
	}
	return err
}

// outputError is that a find could not be told.
type outputError struct{ err error }

func (e *outputError) Error() string { return e.err.Error() }

func (s *keyScan) tell(f find) error {
	s.progress.clear()
	s.found++
	var err error
	if s.json {
		err = json.NewEncoder(s.out).Encode(f)
	} else {
		in := ""
		if f.Commit != "" {
			in = " in " + f.Commit
		}
		_, err = fmt.Fprintf(s.out, "%s:%d: %s…%s%s\n", printable(f.Path), f.Line, f.Prefix, f.Last4, in)
	}
	if err != nil {
		return &outputError{err}
	}
	return nil
}

// printable keeps what a file is called from moving the cursor of a terminal.
func printable(path string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, path)
}

// verdict is the end of the scan: an error is exit status 1.
func (s *keyScan) verdict() error {
	s.progress.clear()
	switch {
	case s.found > 0:
		return fmt.Errorf("%d times a key was found: rotate or revoke it, then clean up", s.found)
	case s.unread > 0:
		return fmt.Errorf("no key was found, but %d files could not be read", s.unread)
	}
	return nil
}

// counted ends with its context and tells how far it is.
type counted struct {
	in       io.Reader
	ctx      context.Context
	progress *progress
}

// Read reads on.
func (c *counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.in.Read(p)
	c.progress.bytes(n)
	return n, err
}

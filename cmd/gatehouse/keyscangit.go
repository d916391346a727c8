package main

import (
	"bytes"
	"strconv"
	"strings"
)

// gitLog knows where a line of the output of git log -p belongs; in any other
// text lines belong to themselves.
type gitLog struct {
	name     string
	commit   string
	old, new string // paths of the file that changed
	// oldAt and newAt are the numbers of the next line, left how many of the
	// hunk are to come on either side.
	oldAt, newAt     int64
	oldLeft, newLeft int64
	here             find
}

func newGitLog(name string) *gitLog { return &gitLog{name: name} }

// line takes the beginning of the next line.
func (g *gitLog) line(head []byte) {
	g.here = find{}
	switch {
	case g.oldLeft > 0 || g.newLeft > 0:
		g.inHunk(head)
	case bytes.HasPrefix(head, []byte("commit ")):
		fields := strings.Fields(string(head))
		if len(fields) > 1 && hexadecimal(fields[1]) {
			g.commit, g.old, g.new = fields[1], "", ""
		}
	case bytes.HasPrefix(head, []byte("--- ")):
		g.old = gitPath(head[4:])
	case bytes.HasPrefix(head, []byte("+++ ")):
		g.new = gitPath(head[4:])
	case bytes.HasPrefix(head, []byte("@@ ")):
		g.hunk(string(head))
	}
}

func (g *gitLog) inHunk(head []byte) {
	switch head[0] {
	case '+':
		g.here = find{Path: g.new, Line: g.newAt, Commit: g.commit}
		g.newAt, g.newLeft = g.newAt+1, g.newLeft-1
	case '-':
		g.here = find{Path: g.old, Line: g.oldAt, Commit: g.commit}
		g.oldAt, g.oldLeft = g.oldAt+1, g.oldLeft-1
	case ' ', '\n':
		g.here = find{Path: g.new, Line: g.newAt, Commit: g.commit}
		g.oldAt, g.newAt, g.oldLeft, g.newLeft = g.oldAt+1, g.newAt+1, g.oldLeft-1, g.newLeft-1
	}
}

// hunk reads "@@ -old,count +new,count @@".
func (g *gitLog) hunk(head string) {
	fields := strings.Fields(head)
	if len(fields) < 4 || fields[3] != "@@" {
		return
	}
	from, fromOK := span(fields[1], '-')
	to, toOK := span(fields[2], '+')
	if fromOK && toOK {
		g.oldAt, g.oldLeft, g.newAt, g.newLeft = from[0], from[1], to[0], to[1]
	}
}

func span(text string, sign byte) (at [2]int64, ok bool) {
	if text == "" || text[0] != sign {
		return at, false
	}
	first, count, counted := strings.Cut(text[1:], ",")
	if !counted {
		count = "1"
	}
	var errAt, errCount error
	at[0], errAt = strconv.ParseInt(first, 10, 64)
	at[1], errCount = strconv.ParseInt(count, 10, 64)
	return at, errAt == nil && errCount == nil && at[0] >= 0 && at[1] >= 0
}

// gitPath is the path of a "---" or "+++" line, without git's a/ or b/.
func gitPath(text []byte) string {
	path := strings.TrimRight(string(text), "\r\n\t")
	if len(path) > 2 && path[1] == '/' {
		return path[2:]
	}
	return path
}

func hexadecimal(s string) bool {
	return len(s) >= 7 && strings.Trim(s, "0123456789abcdef") == ""
}

// at is where the present line belongs.
func (g *gitLog) at(line int64) (string, int64, string) {
	if g.here.Path != "" {
		return g.here.Path, g.here.Line, g.here.Commit
	}
	return g.name, line, g.commit
}

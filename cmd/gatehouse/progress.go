package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress tells on a terminal how far a long job is; on anything else it is
// silent.
type progress struct {
	to    io.Writer // nil for silence
	next  time.Time
	files int
	read  int64
	shown bool
}

func newProgress(f *os.File) *progress {
	if !onTerminal(f) {
		return &progress{}
	}
	return &progress{to: f}
}

func onTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (p *progress) file() { p.files++ }

func (p *progress) bytes(n int) {
	p.read += int64(n)
	if p.to == nil {
		return
	}
	if now := time.Now(); now.After(p.next) {
		p.next, p.shown = now.Add(200*time.Millisecond), true
		fmt.Fprintf(p.to, "\r\x1b[K%d files, %d MiB", p.files, p.read>>20)
	}
}

func (p *progress) clear() {
	if p.shown {
		p.shown = false
		fmt.Fprint(p.to, "\r\x1b[K")
	}
}

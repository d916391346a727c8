package apikey

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Found is a key in other text: what may be shown of it, and where it begins.
type Found struct {
	Key   Text
	Last4 string
	Line  int64 // from 1
}

const (
	maxText = maxBrand + envLength + bodyLength
	// scanBuffer bounds what a scan holds of the text.
	scanBuffer = 64 << 10
	// maxHead is how much of a line Lines is told.
	maxHead = 4 << 10
)

// A Scanner finds keys in text by their checksum, offline and whatever stands
// around them: one in four billion texts of the form is taken for a key by
// chance. It holds 64 KiB of the text at most.
type Scanner struct {
	// Found is called for every key, in order.
	Found func(Found) error
	// Line, if set, is called with the beginning of every line, at most 4 KiB
	// of it, before the keys of the line are.
	Line func(head []byte)
}

// Scan reads r to its end and returns how many bytes it read. An error of
// Found ends it.
func (s *Scanner) Scan(r io.Reader) (read int64, err error) {
	in := bufio.NewReaderSize(r, scanBuffer)
	line, begins := int64(1), true
	var seam []byte // the end of the piece before, when the line goes on
	for {
		piece, err := in.ReadSlice('\n')
		read += int64(len(piece))
		if begins && len(piece) > 0 && s.Line != nil {
			s.Line(piece[:min(len(piece), maxHead)])
		}
		if found := s.piece(seam, piece, line); found != nil {
			return read, found
		}
		switch {
		case err == nil:
			line, begins, seam = line+1, true, seam[:0]
		case errors.Is(err, bufio.ErrBufferFull):
			begins = false
			seam = append(seam[:0], piece[len(piece)-(maxText-1):]...)
		case errors.Is(err, io.EOF):
			return read, nil
		default:
			return read, err
		}
	}
}

// piece looks through a piece of a line, and across the seam to the one before.
func (s *Scanner) piece(seam, piece []byte, line int64) error {
	if len(seam) > 0 {
		joined := append(bytes.Clone(seam), piece[:min(len(piece), maxText-1)]...)
		if err := s.within(joined, len(seam), line); err != nil {
			return err
		}
	}
	return s.within(piece, 0, line)
}

// within reports the keys in text that end behind the first past bytes, and
// began before.
func (s *Scanner) within(text []byte, past int, line int64) error {
	for at := 0; at < len(text); {
		begin, end, parsed, last4, ok := next(text, at)
		if !ok {
			return nil
		}
		if past == 0 || begin < past && end > past {
			if err := s.Found(Found{Key: parsed, Last4: last4, Line: line}); err != nil {
				return err
			}
		}
		at = end
	}
	return nil
}

// next finds the first key that begins at from or later.
func next(text []byte, from int) (begin, end int, parsed Text, last4 string, ok bool) {
	for at := from; ; {
		underscore := bytes.IndexByte(text[at:], '_')
		if underscore < 0 {
			return 0, 0, Text{}, "", false
		}
		mark := at + underscore
		at = mark + 1
		if !marked(text[mark:]) {
			continue
		}
		body := mark + envLength
		if end = body + bodyLength; end > len(text) || !alphanumeric(text[body:end]) {
			continue
		}
		for brand := minBrand; brand <= maxBrand && mark-brand >= from; brand++ {
			if t, err := Parse(authz.Secret(text[mark-brand : end])); err == nil {
				return mark - brand, end, t, string(text[end-4 : end]), true
			}
		}
	}
}

// marked reports whether text begins with what every key has behind its brand.
// It looks no further: whoever writes an URL decides how many near misses it
// holds, and each must cost the same few bytes.
func marked(text []byte) bool {
	if len(text) < envLength {
		return false
	}
	mark := string(text[:envLength])
	return mark == "_live_" || mark == "_test_"
}

// maxPicked bounds the keys that are picked out of one text.
const maxPicked = 8

// Pick returns the keys in a text, at most eight.
func Pick(text string) []authz.Secret {
	if !strings.Contains(text, "_live_") && !strings.Contains(text, "_test_") {
		return nil // as nearly always: no copy is made to look closer
	}
	var keys []authz.Secret
	raw := []byte(text)
	for at := 0; len(keys) < maxPicked; {
		begin, end, _, _, ok := next(raw, at)
		if !ok {
			break
		}
		keys = append(keys, authz.Secret(raw[begin:end]))
		at = end
	}
	return keys
}

// String tells of the find without the secret.
func (f Found) String() string { return fmt.Sprintf("%s…%s", f.Key.Shown(), f.Last4) }

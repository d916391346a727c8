package web

import (
	"mime"
	"regexp"
	"strconv"
	"strings"
)

// preference is what an Accept header says of one media type: the quality of
// the most specific range that matches it (RFC 9110 section 12.5.1).
type preference struct {
	quality float64 // 0 is a no, or not mentioned
	// precision is 0 for none, 1 for */*, 2 for type/*, 3 for the type by name.
	precision int
}

// prefers reports whether a caller would rather have one media type than the
// other, which it gets as well when it says nothing. Two that it likes alike
// are decided by the first being named. Both are lower case, without
// parameters.
func prefers(accept []string, media, other string) bool {
	if len(accept) == 1 && (accept[0] == "*/*" || accept[0] == other) {
		return false // what all but everybody sends
	}
	var first, second preference
	for _, line := range accept {
		for part := range strings.SplitSeq(line, ",") {
			span, quality, ok := mediaRange(part)
			if ok {
				first.weigh(media, span, quality)
				second.weigh(other, span, quality)
			}
		}
	}
	return first.quality > second.quality || first.quality == second.quality && first.quality > 0 && first.precision == 3
}

func (p *preference) weigh(media, span string, quality float64) {
	precision := 0
	switch kind, _, _ := strings.Cut(media, "/"); span {
	case media:
		precision = 3
	case kind + "/*":
		precision = 2
	case "*/*":
		precision = 1
	}
	if precision > p.precision || precision > 0 && precision == p.precision && quality > p.quality {
		*p = preference{quality, precision}
	}
}

// weightSyntax is that of a quality (RFC 9110 section 12.4.2).
var weightSyntax = regexp.MustCompile(`^(0(\.[0-9]{0,3})?|1(\.0{0,3})?)$`)

// mediaRange reads one range of an Accept header; false for what is none.
func mediaRange(part string) (span string, quality float64, ok bool) {
	span, parameters, err := mime.ParseMediaType(part)
	if err != nil {
		return "", 0, false
	}
	weight, weighed := parameters["q"]
	if !weighed {
		return span, 1, true
	}
	if !weightSyntax.MatchString(weight) {
		return "", 0, false
	}
	quality, err = strconv.ParseFloat(weight, 64)
	return span, quality, err == nil
}

package apikey

import (
	"errors"
	"regexp"
	"strconv"
	"time"
)

var (
	isoDuration = regexp.MustCompile(`^P(?:(\d{1,4})W|(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?)$`)
	errDuration = errors.New("apikey: not a duration")
)

// ParseDuration reads a duration of ISO 8601 that is the same at any time of
// year, such as P90D, P2W or PT72H: there are no months and no years. It is at
// most 100,000 days.
func ParseDuration(text string) (time.Duration, error) {
	if last := len(text) - 1; last < 2 || text[last] == 'T' {
		return 0, errDuration // the expression lets every part be absent
	}
	parts := isoDuration.FindStringSubmatch(text)
	if parts == nil {
		return 0, errDuration
	}
	var total time.Duration
	for i, unit := range []time.Duration{7 * day, day, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.ParseInt("0"+parts[i+1], 10, 64) // digits, and few
		total += time.Duration(n) * unit
	}
	if total > 100_000*day {
		return 0, errDuration
	}
	return total, nil
}

const day = 24 * time.Hour

// FormatDuration is the inverse of ParseDuration, in whole seconds; empty for
// nothing.
func FormatDuration(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d%day == 0:
		return "P" + strconv.FormatInt(int64(d/day), 10) + "D"
	case d%time.Hour == 0:
		return "PT" + strconv.FormatInt(int64(d/time.Hour), 10) + "H"
	}
	return "PT" + strconv.FormatInt(int64(d/time.Second), 10) + "S"
}

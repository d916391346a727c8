package saml

import (
	"strconv"
	"strings"
	"time"
)

// maxCache is as long as metadata is believed without looking again.
const maxCache = 30 * 24 * time.Hour

// duration reads an xs:duration of days and less, such as P1DT6H, up to 30
// days; 0 when it cannot.
func duration(s string) time.Duration {
	days, clock, timed := strings.Cut(strings.TrimPrefix(s, "P"), "T")
	if s == "" || s[0] != 'P' || len(s) > 32 || (timed && clock == "") {
		return 0
	}
	total, ok := sum(days, map[byte]time.Duration{'D': 24 * time.Hour})
	if !ok {
		return 0
	}
	rest, ok := sum(clock, map[byte]time.Duration{'H': time.Hour, 'M': time.Minute, 'S': time.Second})
	if !ok {
		return 0
	}
	return min(total+rest, maxCache)
}

// sum adds up numbers that units follow.
func sum(s string, units map[byte]time.Duration) (total time.Duration, ok bool) {
	for s != "" {
		i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if i < 1 || i > 8 || units[s[i]] == 0 {
			return 0, false
		}
		n, err := strconv.Atoi(s[:i])
		if err != nil {
			return 0, false
		}
		if total += min(time.Duration(n), maxCache/units[s[i]]) * units[s[i]]; total > maxCache {
			total = maxCache
		}
		s = s[i+1:]
	}
	return total, true
}

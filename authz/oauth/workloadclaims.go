package oauth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"time"
)

// How long a workload's token may have left to live: one that cannot be told
// from its replay, and any other.
const (
	maxReplayable   = time.Hour
	maxWorkloadLife = 24 * time.Hour
	workloadLeeway  = time.Minute
)

// maxUpstreamName bounds what is kept of a workload's own name and token id.
const maxUpstreamName = 255

// unverified reads the claims of a token nobody has looked at, to learn who
// claims to have issued it.
func unverified(text string) (map[string]any, error) {
	if !looksLikeJWT(text) {
		return nil, refuse("no_jwt")
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(strings.Split(text, ".")[1])
	if err != nil {
		return nil, refuse("no_jwt")
	}
	return parseClaims(payload)
}

// parseClaims reads a JSON object that every reader takes for the same.
func parseClaims(payload []byte) (map[string]any, error) {
	d := json.NewDecoder(strings.NewReader(string(payload)))
	d.UseNumber()
	value, err := parseJSON(d, 1)
	if err != nil {
		return nil, refuse("claims")
	}
	claims, ok := value.(map[string]any)
	if _, err := d.Token(); !ok || !errors.Is(err, io.EOF) {
		return nil, refuse("claims")
	}
	return claims, nil
}

// workloadEnd checks the times of a token (RFC 7519 section 4.1) and returns
// its end.
func (s *Server) workloadEnd(claims map[string]any) (time.Time, error) {
	now := s.clock.Now()
	end, ok := numericDate(claims["exp"])
	if !ok || !now.Before(end) {
		return end, refuse("expired")
	}
	for _, name := range []string{"iat", "nbf"} {
		value, there := claims[name]
		at, ok := numericDate(value)
		if there && (!ok || now.Add(workloadLeeway).Before(at)) {
			return end, refuse(name)
		}
	}
	id, hasID := claims["jti"]
	text, isText := id.(string)
	if hasID && (!isText || text == "" || len(text) > maxUpstreamName) {
		return end, refuse("jti")
	}
	longest := maxWorkloadLife
	if !hasID {
		longest = maxReplayable
	}
	if end.Sub(now) > longest {
		return end, refuse("lives_too_long")
	}
	return end, nil
}

func numericDate(value any) (time.Time, bool) {
	number, ok := value.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	seconds, err := number.Float64()
	const year10000 = 253402300800
	if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds >= year10000 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0).UTC(), true
}

// matches reports whether a token is for us alone and has every claim asked for.
func (w Workload) matches(claims map[string]any) bool {
	if !onlyAudience(claims["aud"], w.Audience) || len(w.Claims) == 0 {
		return false
	}
	for name, want := range w.Claims {
		got, ok := claims[name].(string)
		if !ok || got == "" || name != "sub" && got != want || name == "sub" && !matchesSubject(want, got) {
			return false
		}
	}
	return true
}

func onlyAudience(aud any, want string) bool {
	if list, ok := aud.([]any); ok && len(list) == 1 {
		aud = list[0]
	}
	return want != "" && aud == want
}

// matchesSubject compares segment by segment: slashes and colons must be where
// the pattern has them, and * stands for one segment that is not empty.
func matchesSubject(pattern, subject string) bool {
	for {
		want, restOfPattern, delimiter := segment(pattern)
		got, rest, same := segment(subject)
		if delimiter != same || want != got && (want != "*" || got == "") {
			return false
		}
		if delimiter == 0 {
			return true
		}
		pattern, subject = restOfPattern, rest
	}
}

// segment cuts a text at its first slash or colon, which it returns; 0 at the end.
func segment(text string) (first, rest string, delimiter byte) {
	i := strings.IndexAny(text, "/:")
	if i < 0 {
		return text, "", 0
	}
	return text[:i], text[i+1:], text[i]
}

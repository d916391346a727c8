package client

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is what the server refused, as it said it (RFC 9457).
type Error struct {
	Problem
	// Challenge is what a WWW-Authenticate header asks for: "acr_values" and
	// "max_age" say which sign-in of a person would do (RFC 9470). Nil without
	// one.
	Challenge map[string]string
	// RetryAfter is how long to wait before asking again; 0 where it was not
	// said.
	RetryAfter time.Duration

	later bool
	nonce string // for DPoP (RFC 9449 section 8)
}

// Error is the refusal in a sentence or two, with its code.
func (e *Error) Error() string {
	text := e.Detail
	if text == "" {
		text = e.Title
	}
	for _, d := range e.Errors {
		text += "; " + d.Location + ": " + d.Message
	}
	return text + " (" + e.Code + ")"
}

// NotFound reports whether err says that there is no such object; those of
// others are not there either.
func NotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusNotFound && e.Code == "not_found"
}

// Code is the stable code of a refusal; empty for any other error.
func Code(err error) string {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return ""
	}
	return e.Code
}

// refusal makes an error of an answer that is none.
func refusal(got answer) error {
	e := &Error{Challenge: challenge(got.header.Get("WWW-Authenticate")), nonce: got.header.Get("DPoP-Nonce")}
	e.RetryAfter, e.later = retryAfter(got.header)
	if json.Unmarshal(got.body, &e.Problem) != nil || e.Code == "" {
		e.Problem = Problem{
			Title: http.StatusText(got.status), Code: "unexpected_answer",
			Detail: "The server answered " + strconv.Itoa(got.status) + ", and not as the management API does: is it served at this URL?",
		}
	}
	e.Status = int64(got.status)
	return e
}

// retryIn is how long to wait before the request is sent again, if that helps:
// it was not carried out.
func (e *Error) retryIn() (time.Duration, bool) {
	return e.RetryAfter, e.later && (e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable)
}

// challenge reads the parameters of a challenge of ours: quoted strings, in
// which a backslash escapes (RFC 9110 section 11.6.1).
func challenge(header string) map[string]string {
	_, rest, ok := strings.Cut(header, " ")
	if !ok {
		return nil
	}
	out := map[string]string{}
	for rest != "" {
		name, quoted, ok := strings.Cut(rest, `="`)
		if !ok {
			break
		}
		var value strings.Builder
		i := 0
		for ; i < len(quoted) && quoted[i] != '"'; i++ {
			if quoted[i] == '\\' && i+1 < len(quoted) {
				i++
			}
			value.WriteByte(quoted[i])
		}
		out[strings.Trim(name, ", ")] = value.String()
		rest = quoted[min(i+1, len(quoted)):]
	}
	return out
}

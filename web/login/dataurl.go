package login

import (
	"encoding/base32"
	"encoding/base64"
	"html/template"
	"strings"
)

// Addresses that hold what they lead to, so that no second request has to find
// it again. They are made of what we drew ourselves.

// picture is a PNG.
func picture(png []byte) template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png)) //nolint:gosec // our own picture
}

// textFile is a list under a heading, to keep.
func textFile(heading string, lines []string) template.URL {
	text := "Recovery codes, " + heading + "\r\nEach is good once.\r\n\r\n" + strings.Join(lines, "\r\n") + "\r\n"
	return template.URL("data:text/plain;charset=utf-8;base64," + base64.StdEncoding.EncodeToString([]byte(text))) //nolint:gosec // our own text
}

// base32Text is raw in lower-case letters and digits.
func base32Text(raw []byte) string {
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw))
}

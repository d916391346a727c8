package clientmeta

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// CheckText checks a text people read: 1 to 200 characters, no control
// characters, nothing that turns the direction of the text around it.
func CheckText(member, s string) error {
	if !utf8.ValidString(s) || strings.TrimSpace(s) == "" || utf8.RuneCountInString(s) > 200 {
		return bad(member, "must be 1 to 200 characters.")
	}
	for _, r := range s {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			return bad(member, "must not hold control characters.")
		}
	}
	return nil
}

// maxContacts bounds the ways to reach those responsible.
const maxContacts = 10

func (r Rules) checkNames(c authz.Client) error {
	if err := CheckText("name", c.Name); err != nil {
		return err
	}
	if len(c.Metadata.Contacts) > maxContacts {
		return bad("contacts", "at most 10.")
	}
	for _, contact := range c.Metadata.Contacts {
		if err := CheckText("contacts", contact); err != nil {
			return err
		}
	}
	if c.Metadata.SoftwareID != "" {
		return CheckText("software_id", c.Metadata.SoftwareID)
	}
	return nil
}

// plain reports whether a text is 1 to n printable ASCII characters without
// blank, quote and backslash: something to compare, not to read.
func plain(s string, n int) bool {
	odd := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
	return s != "" && len(s) <= n && !strings.ContainsFunc(s, odd)
}

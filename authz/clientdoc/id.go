package clientdoc

import (
	"net/url"
	"strings"
)

const maxID = 255

// validID reports whether a client_id can be the address of a document
// (section 3 of the draft): an https URL with a path, without fragment, user
// and dot segments, in the one spelling it has, of a host we may talk to. Plain
// http is for loopback addresses that the operator opened.
func (d *Documents) validID(id string) bool {
	odd := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\\<>\"`{}|^#", r) }
	if len(id) > maxID || strings.ContainsFunc(id, odd) {
		return false
	}
	u, err := url.Parse(id)
	if err != nil || u.Opaque != "" || u.User != nil || u.Hostname() == "" || u.Path == "" || u.String() != id {
		return false
	}
	if u.Host != strings.ToLower(u.Host) || strings.HasSuffix(u.Hostname(), ".") {
		return false
	}
	for segment := range strings.SplitSeq(u.Path, "/") { // decoded: %2e is a dot
		if segment == "." || segment == ".." {
			return false
		}
	}
	return d.cfg.Rules.CheckURL(id) == nil
}

// Host is what people are shown of a client's id: who stands behind it.
func Host(id string) string {
	u, err := url.Parse(id)
	if err != nil {
		return ""
	}
	return u.Host
}

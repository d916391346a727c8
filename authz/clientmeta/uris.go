package clientmeta

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

const (
	maxURI  = 2048
	maxURIs = 50
)

func (r Rules) checkRedirects(member string, uris []string) error {
	if len(uris) > maxURIs {
		return bad(member, "at most 50.")
	}
	for _, uri := range uris {
		if err := r.CheckRedirectURI(uri); err != nil {
			if member == "redirect_uris" {
				return err // it says what a redirect URI must be
			}
			return bad(member, "each must be what a redirect URI may be.")
		}
	}
	return nil
}

// parse reads an absolute URI with a host, without user, blanks, quotes and
// what a browser would read as another character.
func parse(uri string) (*url.URL, bool) {
	if len(uri) > maxURI || strings.ContainsAny(uri, "\\<>\"`{}|^") || strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, false
	}
	u, err := url.Parse(uri)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || u.User != nil || strings.HasSuffix(u.Host, ":") {
		return nil, false
	}
	return u, true
}

// checkPages checks the pages people are led to: https, and so none of the
// schemes a browser would run.
func (r Rules) checkPages(c authz.Client) error {
	m := c.Metadata
	for member, uri := range map[string]string{"client_uri": m.ClientURI, "logo_uri": m.LogoURI, "policy_uri": m.PolicyURI, "tos_uri": m.TOSURI} {
		if uri == "" {
			continue
		}
		if u, ok := parse(uri); !ok || u.Scheme != "https" {
			return bad(member, "must be an https URL.")
		}
	}
	return nil
}

func (r Rules) checkLogout(c authz.Client) error {
	m := c.Metadata
	if err := r.checkRedirects("post_logout_redirect_uris", m.PostLogoutRedirectURIs); err != nil {
		return err
	}
	for member, uri := range map[string]string{"backchannel_logout_uri": m.BackchannelLogoutURI, "frontchannel_logout_uri": m.FrontchannelLogoutURI} {
		if uri != "" && !secure(uri) {
			return bad(member, "must be an https URL without fragment, or http on a loopback address.")
		}
	}
	if m.BackchannelLogoutURI != "" && r.CheckURL(m.BackchannelLogoutURI) != nil {
		return bad("backchannel_logout_uri", "is not an address this server may talk to.")
	}
	return nil
}

// secure reports whether the URL is https, or http on a literal loopback
// address, without fragment.
func secure(uri string) bool {
	u, ok := parse(uri)
	if !ok || strings.Contains(uri, "#") {
		return false
	}
	if u.Scheme == "https" {
		return true
	}
	address, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && err == nil && address.IsLoopback()
}

// active are the schemes a browser runs or opens on the person's own machine.
var active = []string{"javascript", "data", "vbscript", "file", "blob", "about"}

// maxTargets bounds what a client may name to be granted.
const maxTargets = 20

// checkTargets checks what the client may ask tokens for: absolute URIs
// without fragment (RFC 8707 section 2), and types of authorization details
// (RFC 9396 section 2).
func (r Rules) checkTargets(c authz.Client) error {
	m := c.Metadata
	if len(m.Resources) > maxTargets {
		return bad("resources", "at most 20.")
	}
	for _, resource := range m.Resources {
		u, err := url.Parse(resource)
		if err != nil || !plain(resource, maxURI) || u.Scheme == "" || u.User != nil || strings.Contains(resource, "#") || slices.Contains(active, u.Scheme) {
			return bad("resources", "each must be an absolute URI without fragment.")
		}
	}
	if len(m.AuthorizationDetailsTypes) > maxTargets {
		return bad("authorization_details_types", "at most 20.")
	}
	for _, kind := range m.AuthorizationDetailsTypes {
		if !plain(kind, 128) {
			return bad("authorization_details_types", "each must be 1 to 128 printable characters without blank.")
		}
	}
	return nil
}

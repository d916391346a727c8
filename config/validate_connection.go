package config

import (
	"net/url"
	"slices"
)

func (p *Problems) connection(path string, c Connection) {
	p.shortText(path+".workspace", c.Workspace)
	p.shortText(path+".name", c.Name)
	if !connectionID.MatchString(c.ID) {
		p.add(path+".id", "must be 1 to 63 letters, digits, dashes or underscores")
	}
	p.oneOf(path+".vendor", c.Vendor, "okta", "entra", "auth0", "onelogin", "pingone", "pingfederate", "generic")
	saml := c.SAML.MetadataFile != "" || c.SAML.MetadataURL != ""
	if c.Issuer != "" || !saml {
		p.endpoint(path+".issuer", c.Issuer)
		p.shortText(path+".client_id", c.ClientID)
		if !slices.Contains(c.Scopes, "openid") {
			p.add(path+".scopes", "must hold openid")
		}
	}
	if saml {
		p.saml(path+".saml", c.SAML)
	}
	if n := c.PollMinutes; n != nil && *n != 0 && (*n < 5 || *n > 1440) {
		p.add(path+".poll_minutes", "must be 5 to 1440, or 0 for never")
	}
	p.oneOf(path+".fallback", c.Fallback, "never", "admin", "ask", "auto")
	p.oneOf(path+".jit", c.JIT, "domain", "invited", "off")
	if len(c.Link.OIDC) != len(c.Link.SAML) || len(c.Link.OIDC) > 4 || slices.Contains(slices.Concat(c.Link.OIDC, c.Link.SAML), "") {
		p.add(path+".link_key", "must name as many claims as attributes, at most 4, none empty")
	}
	for i, r := range c.Routes {
		at := index(path+".routes", i)
		p.oneOf(at+".use", r.Use, "oidc", "saml")
		if about := slices.DeleteFunc([]string{r.Domain, r.Email, r.Group}, func(s string) bool { return s == "" }); len(about) != 1 || len(r.Group) > 2048 {
			p.add(at, "must have a domain, an email or a group of at most 2048 bytes, one of them")
		}
		if r.Use == "saml" && !saml || r.Use == "oidc" && c.Issuer == "" {
			p.add(at+".use", "is a side that the connection has not")
		}
	}
}

func (p *Problems) shortText(path, text string) {
	if text == "" || len(text) > 255 {
		p.add(path, "is required, at most 255 characters")
	}
}

func (p *Problems) saml(path string, s SAML) {
	if s.MetadataFile != "" && s.MetadataURL != "" {
		p.add(path, "has metadata twice, by metadata_file and metadata_url")
	}
	if s.MetadataURL != "" {
		u, err := url.Parse(s.MetadataURL)
		if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || !secureScheme(u) {
			p.add(path+".metadata_url", "must be an https URL; http is for loopback hosts only")
		}
	}
	if len(s.EntityID) > 1024 || len(s.NameIDFormat) > 255 {
		p.add(path+".entity_id", "or name_id_format is too long")
	}
	for key, list := range map[string][]string{"subject": s.Subject, "mfa_contexts": s.MFAContexts, "mfa_methods": s.MFAMethods} {
		if len(list) > 20 || slices.Contains(list, "") {
			p.add(path+"."+key, "must list at most 20 names, none empty")
		}
	}
	if len(s.Require) > 20 {
		p.add(path+".require", "must have at most 20 attributes")
	}
}

package oidc

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
)

const (
	maxEmail     = 320
	maxSessionID = 255
)

// identity is all that is taken from an upstream. What it says of tenants,
// roles, scopes and the like has no place to go.
func (c *Connector) identity(id, more claims) (idp.Identity, error) {
	m := c.config.Mapping
	signed := id.values()
	if missing, ok := m.Met(signed); !ok {
		return idp.Identity{}, idp.Refuse(idp.ReasonRequire, fmt.Errorf("required claim %.200q is missing or differs", missing))
	}
	subject, ok := m.SubjectOf(signed, id.text("sub"))
	if !ok {
		return idp.Identity{}, idp.Refuse(idp.ReasonSubjectRule, errors.New("the claims that name the person are missing, repeated or too long"))
	}
	out := idp.Identity{
		Upstream: c.config.ID,
		Issuer:   c.config.Issuer,
		Subject:  subject,
		Link:     m.LinkOf(signed),
		ACR:      id.text("acr"),
		Profile:  profile(id, more),
	}
	if sub := id.text("sub"); sub != subject {
		out.LogoutName = sub // logout tokens know no other
	}
	out.AuthTime, _ = id.time("auth_time")
	out.AMR, _ = id.texts("amr")
	if sid := id.text("sid"); len(sid) <= maxSessionID {
		out.SessionID = sid
	}
	// Entra tells authentication contexts as acrs.
	contexts, _ := id.texts("acrs")
	methods, mapped := m.Told(signed)
	out.Evidence = c.config.MFA.Evidence(append(append(contexts, mapped...), out.ACR), append(methods, out.AMR...))

	email := source("email", id, more)
	if text := email.text("email"); len(text) <= maxEmail {
		out.Email, out.EmailVerified = text, text != "" && email.yes("email_verified")
	}
	out.Groups, out.GroupsOverage = groups(m.Groups, id, more)
	c.show(id, more, &out)
	return out, nil
}

// show takes names from where the connection says they are, if it says so.
func (c *Connector) show(id, more claims, out *idp.Identity) {
	m := c.config.Mapping
	all := more.values()
	maps.Copy(all, id.values()) // the signed ones rule
	var told idp.Identity
	m.Show(all, &told)
	for _, part := range []struct {
		names []string
		from  string
		to    *string
	}{
		{m.Name, told.Profile.Name, &out.Profile.Name}, {m.GivenName, told.Profile.GivenName, &out.Profile.GivenName},
		{m.FamilyName, told.Profile.FamilyName, &out.Profile.FamilyName}, {m.PreferredUsername, told.Profile.PreferredUsername, &out.Profile.PreferredUsername},
	} {
		if len(part.names) > 0 {
			*part.to = part.from
		}
	}
	if len(m.Email) > 0 {
		// Nobody says that an address from elsewhere was verified.
		out.EmailVerified = out.EmailVerified && told.Email == out.Email
		out.Email = told.Email
	}
}

// source is the one of both that has a claim, the signed one first: what
// belongs together must come from the same place.
func source(name string, id, more claims) claims {
	if id.has(name) {
		return id
	}
	return more
}

// groups returns the person's groups, of the claims named, or else of groups.
// Left out for their number (distributed or hasgroups), malformed or too many,
// they are none, and that is told.
func groups(names []string, id, more claims) (list []string, overage bool) {
	if len(names) == 0 {
		names = []string{"groups"}
	}
	for _, name := range names {
		part, ok := source(name, id, more).texts(name)
		if !ok || len(list)+len(part) > maxTexts {
			return nil, true
		}
		for _, c := range []claims{id, more} {
			if c.object("_claim_names").has(name) || c.yes("hasgroups") {
				return nil, true
			}
		}
		list = append(list, part...)
	}
	return list, false
}

func profile(id, more claims) idp.Profile {
	text := func(name string) string { return source(name, id, more).text(name) }
	phone := source("phone_number", id, more)
	p := idp.Profile{
		Name: text("name"), GivenName: text("given_name"), FamilyName: text("family_name"),
		MiddleName: text("middle_name"), Nickname: text("nickname"), PreferredUsername: text("preferred_username"),
		ProfileURL: text("profile"), Picture: text("picture"), Website: text("website"),
		Gender: text("gender"), Birthdate: text("birthdate"), Zoneinfo: text("zoneinfo"), Locale: text("locale"),
		UpdatedAt:   updatedAt(source("updated_at", id, more)),
		PhoneNumber: phone.text("phone_number"),
		Address:     address(source("address", id, more).object("address")),
	}
	p.PhoneVerified = p.PhoneNumber != "" && phone.yes("phone_number_verified")
	return p
}

// updatedAt reads the number of the specification and the RFC 3339 text that
// some vendors send.
func updatedAt(c claims) time.Time {
	if at, ok := c.time("updated_at"); ok {
		return at
	}
	at, err := time.Parse(time.RFC3339, c.text("updated_at"))
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

func address(c claims) idp.Address {
	return idp.Address{
		Formatted: c.text("formatted"), StreetAddress: c.text("street_address"), Locality: c.text("locality"),
		Region: c.text("region"), PostalCode: c.text("postal_code"), Country: c.text("country"),
	}
}

package setup

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/connection"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// shown is what a page shows beside the connection.
type shown struct {
	problem string
	checked []connection.Checked
}

type line struct{ ID, Name, Value string }

type group struct {
	Title string
	Lines []line
}

type side struct {
	ID, Name, Tested, Problem, TestURL string
	Facts                              []line
	Missing                            []string
}

type failure struct{ Time, Reason, Diagnosis string }

// write answers with the page.
func (p *Pages) write(w http.ResponseWriter, r *http.Request, status int, u connection.Setup, s shown) error {
	c, err := u.Connection(r.Context())
	if err != nil {
		return err
	}
	refused, err := u.Failures(r.Context())
	if err != nil {
		return err
	}
	vendor := vendorOf(c.Vendor)
	view := map[string]any{
		"ID": c.ID, "Name": c.Name, "Open": connection.Open(c), "Problem": s.problem, "Vendors": vendors(vendor.ID), "VendorName": vendor.Name, "Hints": vendor.Hints,
		"Ours": ours(u.Ours()), "Issuer": c.UpstreamIssuer, "ClientID": c.ClientID, "HasSecret": len(c.ClientSecret) > 0, "MetadataURL": "",
		"Sides": sidesOf(c, s.checked), "Failures": failures(refused), "Until": u.Link().ExpiresAt.UTC().Format("2 January 2006, 15:04 UTC"),
		"Status": statusOf(c), "Next": nextOf(c),
	}
	if c.SAML != nil {
		view["MetadataURL"] = c.SAML.MetadataURL
	}
	return p.cfg.Pages.WriteScripted(w, status, ui.SetupPage, view)
}

func statusOf(c authz.Connection) string {
	switch c.State {
	case authz.Draft:
		return "Nobody signs in by this connection yet."
	case authz.Testing:
		return "The provider was reached. Nobody signs in by this connection yet: test it."
	case authz.Active:
		return "People sign in by this connection. It can be looked at and tested here."
	}
	return "This connection is switched off. It can be looked at and tested here."
}

// nextOf says what is left to do.
func nextOf(c authz.Connection) string {
	if c.State == authz.Active {
		return "Nothing is left to do."
	}
	for _, s := range []authz.Side{authz.OIDCSide, authz.SAMLSide} {
		if _, tested := c.Tested[s]; c.Has(s) && !tested {
			return "Make a test sign-in by every way that is set up. Then whoever sent you the link puts the connection into use."
		}
	}
	if !c.Has(authz.OIDCSide) && !c.Has(authz.SAMLSide) {
		return "Tell us about your provider."
	}
	return "All is tested: whoever sent you the link can put the connection into use."
}

// ours are our addresses and names, under the names that providers' forms have.
func ours(values map[string]string) []group {
	lines := func(pairs ...string) []line {
		var out []line
		for n := 0; n+1 < len(pairs); n += 2 {
			out = append(out, line{strings.ReplaceAll(pairs[n], "_", "-"), pairs[n+1], values[pairs[n]]})
		}
		return out
	}
	return []group{
		{"For OpenID Connect", lines("redirect_uri", "Redirect URI (callback)", "backchannel_logout_uri", "Back-channel logout URI", "frontchannel_logout_uri", "Front-channel logout URI")},
		{"For SAML 2.0", lines("acs", "ACS URL (reply URL)", "entity_id", "Entity id (audience)", "slo", "Logout URL", "metadata", "Our metadata")},
	}
}

// sidesOf are the sides of the connection, with what a look at them brought.
func sidesOf(c authz.Connection, checked []connection.Checked) []side {
	var out []side
	for _, s := range []authz.Side{authz.OIDCSide, authz.SAMLSide} {
		if !c.Has(s) {
			continue
		}
		one := side{ID: string(s), Name: map[authz.Side]string{authz.OIDCSide: "OpenID Connect", authz.SAMLSide: "SAML 2.0"}[s]}
		if test, ok := c.Tested[s]; ok {
			one.Tested = test.At.UTC().Format("2 January 2006, 15:04 UTC")
		}
		for _, found := range checked {
			if found.Side != s {
				continue
			}
			one.Problem, one.TestURL, one.Missing = found.Problem, found.TestURL, found.Missing
			for _, name := range slices.Sorted(maps.Keys(found.Facts)) {
				one.Facts = append(one.Facts, line{Name: strings.ReplaceAll(name, "_", " "), Value: found.Facts[name]})
			}
		}
		out = append(out, one)
	}
	return out
}

// maxFailures is how many refused sign-ins the page shows.
const maxFailures = 20

// failures tell the customer's administrator why, and nobody's address.
func failures(list []connection.Failure) []failure {
	var out []failure
	for _, f := range list[:min(len(list), maxFailures)] {
		text := f.Diagnosis
		if text == "" {
			text = "There is no explanation of this yet."
		}
		out = append(out, failure{f.Time.UTC().Format(time.DateTime + " UTC"), f.Reason, text})
	}
	return out
}

package saml_test

import (
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

// asVendor gives a connection a vendor's profile.
func asVendor(t *testing.T, name string) func(*saml.Config) {
	t.Helper()
	p, ok := saml.Vendor(name)
	if !ok {
		t.Fatalf("no profile %q", name)
	}
	return func(c *saml.Config) {
		c.NameIDFormat, c.Mapping, c.MFA, c.StaticContext = p.NameIDFormat, p.Mapping, p.MFA, p.StaticContext
		if name == "entra" {
			c.Mapping.Require = map[string]string{"http://schemas.microsoft.com/identity/claims/tenantid": idptest.SAMLTenant}
		}
	}
}

func TestEveryVendorSignsIn(t *testing.T) {
	for _, c := range []struct {
		vendor, subject    string
		with, without      idp.Evidence
		name, mail, family string
		groups             int
	}{
		{"okta", "u-ada", idp.EvidenceProven, idp.EvidenceNone, "", "ada@example.com", "Lovelace", 2},
		{"entra", idptest.SAMLTenant + " u-ada", idp.EvidenceProven, idp.EvidenceNone, "Ada Lovelace", "ada@example.com", "Lovelace", 2},
		{"auth0", "u-ada", idp.EvidenceNone, idp.EvidenceNone, "Ada Lovelace", "ada@example.com", "Lovelace", 0},
		{"onelogin", "u-ada", idp.EvidenceNone, idp.EvidenceNone, "", "ada@example.com", "Lovelace", 2},
		{"pingone", "u-ada", idp.EvidenceNone, idp.EvidenceNone, "Ada Lovelace", "ada@example.com", "", 2},
		{"pingfederate", "u-ada", idp.EvidenceProven, idp.EvidenceNone, "Ada Lovelace", "ada@example.com", "", 2},
		{"generic", "u-ada", idp.EvidenceNone, idp.EvidenceNone, "", "", "", 0},
	} {
		t.Run(c.vendor, func(t *testing.T) {
			for mfa, want := range map[bool]idp.Evidence{true: c.with, false: c.without} {
				r := newRig(t, func(u *idptest.SAMLConfig) { u.Vendor, u.User.MFA = c.vendor, mfa }, asVendor(t, c.vendor))
				in, err := r.finish(t, nil)
				if err != nil {
					t.Fatal(err)
				}
				got := in.Identity
				if got.Subject != c.subject || got.Upstream != "up_1" || got.Issuer != r.idp.EntityID() {
					t.Errorf("identity %+v", got)
				}
				if got.Evidence != want {
					t.Errorf("mfa %v: evidence %v, want %v", mfa, got.Evidence, want)
				}
				if got.Profile.Name != c.name || got.Email != c.mail || got.EmailVerified || got.Profile.FamilyName != c.family || len(got.Groups) != c.groups || got.GroupsOverage {
					t.Errorf("told %+v", got)
				}
				if in.SessionIndex == "" || got.SessionID != in.SessionIndex || got.AuthTime.IsZero() {
					t.Errorf("session %+v", in)
				}
				if r.used.count() != 1 {
					t.Errorf("used %d assertions", r.used.count())
				}
			}
		})
	}
}

func TestAStaticContextIsAnAdministratorsWordAtMost(t *testing.T) {
	const class = "https://refeds.org/profile/mfa"
	for name, want := range map[bool]idp.Evidence{true: idp.EvidenceDeclared, false: idp.EvidenceProven} {
		r := newRig(t, nil, func(c *saml.Config) { c.MFA.ACR, c.StaticContext = []string{class}, name })
		in, err := r.finish(t, func(a *idptest.SAMLAnswer) { a.Context = class })
		if err != nil || in.Identity.Evidence != want {
			t.Errorf("static %v: %v %v, want %v", name, in.Identity.Evidence, err, want)
		}
	}
}

func TestGroupOverageMeansNoGroupsAtAll(t *testing.T) {
	many := make([]string, 151)
	for i := range many {
		many[i] = "g" + time.Duration(i).String()
	}
	r := newRig(t, func(u *idptest.SAMLConfig) { u.Vendor, u.User.Groups = "entra", many }, asVendor(t, "entra"))
	in, err := r.finish(t, nil)
	if err != nil || !in.Identity.GroupsOverage || len(in.Identity.Groups) != 0 {
		t.Errorf("%v %v %v", in.Identity.GroupsOverage, len(in.Identity.Groups), err)
	}
	more := append(many, many[0]+"x")
	for len(more) < 201 {
		more = append(more, more[len(more)-1]+"x")
	}
	r = newRig(t, func(u *idptest.SAMLConfig) { u.Vendor, u.User.Groups = "onelogin", more }, asVendor(t, "onelogin"))
	in, err = r.finish(t, nil)
	if err != nil || !in.Identity.GroupsOverage || len(in.Identity.Groups) != 0 {
		t.Errorf("201 groups: %v %v %v", in.Identity.GroupsOverage, len(in.Identity.Groups), err)
	}
}

func TestEverySignatureAndCipherThatIsAllowedWorks(t *testing.T) {
	r := newRig(t, nil, nil)
	for _, signature := range []string{"rsa-sha256", "rsa-sha384", "rsa-sha512"} {
		for _, digest := range []string{"http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmldsig-more#sha384", "http://www.w3.org/2001/04/xmlenc#sha512"} {
			r.refused(t, func(a *idptest.SAMLAnswer) {
				a.Signature, a.Digest = "http://www.w3.org/2001/04/xmldsig-more#"+signature, digest
			}, "")
		}
	}
	for _, cipher := range []string{"2001/04/xmlenc#aes128-cbc", "2001/04/xmlenc#aes192-cbc", "2001/04/xmlenc#aes256-cbc", "2009/xmlenc11#aes128-gcm", "2009/xmlenc11#aes192-gcm", "2009/xmlenc11#aes256-gcm"} {
		for _, inner := range []bool{true, false} {
			r.refused(t, func(a *idptest.SAMLAnswer) {
				a.SignResponse, a.SignAssertion, a.Encrypt = true, inner, "http://www.w3.org/"+cipher
			}, "")
		}
	}
	for _, both := range []struct{ response, assertion bool }{{true, false}, {false, true}, {true, true}} {
		r.refused(t, func(a *idptest.SAMLAnswer) { a.SignResponse, a.SignAssertion = both.response, both.assertion }, "")
	}
}

func TestECDSASignaturesAreReadAsXMLSignatureWritesThem(t *testing.T) {
	ec := must(idptest.NewSAMLKeyEC(time.Now().Add(-time.Hour), time.Now().Add(time.Hour)))
	r := newRig(t, func(u *idptest.SAMLConfig) { u.Key = ec }, nil)
	r.refused(t, func(a *idptest.SAMLAnswer) { a.Signature = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" }, "")
}

func TestTwoAudiencesInOneRestrictionAreAlternatives(t *testing.T) {
	r := newRig(t, nil, nil)
	for _, list := range [][]string{{entityID, "other"}, {"other", entityID}} {
		r.refused(t, func(a *idptest.SAMLAnswer) { a.Audiences = [][]string{list} }, "")
	}
}

func TestTheSessionEndsWithTheProviders(t *testing.T) {
	r := newRig(t, nil, nil)
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	in, err := r.finish(t, func(a *idptest.SAMLAnswer) { a.SessionEnds = end })
	if err != nil || !in.Identity.SessionEnds.Equal(end) {
		t.Errorf("%v %v", in.Identity.SessionEnds, err)
	}
}

package app

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	conn "github.com/gatehouse-auth/gatehouse/authz/connection"
	"github.com/gatehouse-auth/gatehouse/authz/secret"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/oidc"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

// Explain says the reason of a refusal in plain words, to administrators.
func Explain(reason string) string {
	return cmp.Or(saml.Explain(reason), idp.Explain(reason))
}

// Protocols is what the administration of connections knows of the two sides;
// every field is required.
type Protocols struct {
	Keyring *secret.Keyring
	// HTTP fetches metadata, from addresses that are somebody's idea.
	HTTP  *http.Client
	Clock authz.Clock
	// URL is that of the issuer.
	URL string
	// Connect makes the connector of a side.
	Connect func(c authz.Connection, side authz.Side) (idp.Connector, error)
}

var _ conn.Upstreams = Protocols{}

// Seal encrypts the client secret of a conn.
func (u Protocols) Seal(id authz.ConnectionID, secret authz.Secret) ([]byte, error) {
	return u.Keyring.Seal(connectionSecretPurpose, string(id), []byte(secret.Reveal()))
}

// NewSAMLKey makes our key at a conn.
func (u Protocols) NewSAMLKey(id authz.ConnectionID) ([]byte, error) {
	return newSAMLKey(u.Keyring, id, u.Clock.Now())
}

// Metadata reads a provider's metadata document, or fetches it first.
func (u Protocols) Metadata(ctx context.Context, m conn.Metadata) (*authz.SAMLUpstream, error) {
	raw := []byte(m.XML)
	if (m.URL == "") == (m.XML == "") {
		return nil, errors.New("give a url or the xml, one of both")
	}
	if m.URL != "" {
		var err error
		if raw, err = saml.FetchMetadata(ctx, u.HTTP, m.URL); err != nil {
			return nil, plain(err)
		}
	}
	found, err := samlUpstream(raw, m.EntityID, u.Clock.Now())
	if err != nil {
		return nil, plain(err)
	}
	found.MetadataURL = m.URL
	return found, nil
}

// plain puts a refusal into words.
func plain(err error) error {
	if text := Explain(idp.ReasonOf(err)); text != "" {
		return errors.New(text)
	}
	return err
}

// Compile says what cannot work about a conn.
func (u Protocols) Compile(c authz.Connection) error {
	for _, side := range []authz.Side{authz.OIDCSide, authz.SAMLSide} {
		if !c.Has(side) {
			continue
		}
		if _, err := u.Connect(c, side); err != nil {
			return err
		}
	}
	return nil
}

// Discover fetches a discovery document and returns the issuer it tells.
func (u Protocols) Discover(ctx context.Context, address string) (string, error) {
	issuer, err := oidc.IssuerAt(ctx, u.HTTP, address)
	if err != nil {
		return "", authz.NewError(authz.Invalid, "invalid_discovery", plain(err).Error()).Because(err)
	}
	return issuer, nil
}

// SetupURL is where a set-up link leads.
func (u Protocols) SetupURL(token authz.Secret) string {
	return u.URL + "/setup?" + url.Values{"token": {token.Reveal()}}.Encode()
}

// Ours are our addresses and names at a connection.
func (u Protocols) Ours(id authz.ConnectionID) map[string]string {
	entityID := SAMLEntityID(u.URL, id)
	return map[string]string{
		"redirect_uri": CallbackURI(u.URL, id), "backchannel_logout_uri": upstreamURI(u.URL, id) + "/backchannel-logout",
		"frontchannel_logout_uri": upstreamURI(u.URL, id) + "/frontchannel-logout",
		"entity_id":               entityID, "acs": entityID + "/acs", "slo": entityID + "/slo", "metadata": entityID + "/metadata",
	}
}

// Look asks the upstream of a side.
func (u Protocols) Look(ctx context.Context, c authz.Connection, side authz.Side) (conn.Found, error) {
	if side == authz.SAMLSide {
		return u.lookSAML(ctx, c)
	}
	connector, err := u.Connect(c, side)
	if err != nil {
		return conn.Found{}, err
	}
	provider, ok := connector.(*oidc.Connector)
	if !ok {
		return conn.Found{}, errors.New("the side of OpenID Connect is none")
	}
	f, err := provider.Look(ctx)
	if err != nil {
		return conn.Found{}, plain(err)
	}
	found := conn.Found{Facts: map[string]string{
		"issuer": f.Issuer, "authorization_endpoint": f.AuthorizationEndpoint, "token_endpoint": f.TokenEndpoint,
		"algorithms": strings.Join(f.Algorithms, " "), "keys": strconv.Itoa(f.Keys), "pkce": yes(f.PKCE, "S256", "not advertised"),
		"acr_values":   cmp.Or(strings.Join(f.ACRValues, " "), "none advertised"),
		"redirect_uri": CallbackURI(u.URL, c.ID), "backchannel_logout_uri": upstreamURI(u.URL, c.ID) + "/backchannel-logout",
		"frontchannel_logout_uri": upstreamURI(u.URL, c.ID) + "/frontchannel-logout",
	}}
	profile, _ := oidc.Vendor(cmp.Or(c.Vendor, "generic"))
	found.Missing = profile.Missing
	found.Missing = append(slices.Clone(found.Missing), unadvertised(f)...)
	return found, nil
}

// unadvertised is what people will miss unless the provider does more than it
// says.
func unadvertised(f oidc.Found) []string {
	var missing []string
	if !f.PKCE {
		missing = append(missing, "PKCE is not advertised; we send a challenge all the same")
	}
	if len(f.Claims) > 0 && !slices.Contains(f.Claims, "groups") {
		missing = append(missing, "no claim with groups is advertised: nobody will be in any, unless it is sent all the same")
	}
	if len(f.ACRValues) == 0 && !slices.Contains(f.Claims, "amr") && !slices.Contains(f.Claims, "acr") {
		missing = append(missing, "no evidence of a second factor (acr, amr) is advertised: people may be asked for one of ours")
	}
	return missing
}

func yes(is bool, then, otherwise string) string {
	if is {
		return then
	}
	return otherwise
}

// lookSAML compares what is held of a provider with its metadata as it is now.
func (u Protocols) lookSAML(ctx context.Context, c authz.Connection) (conn.Found, error) {
	cfg, err := SAMLConfig(u.URL, c)
	if err != nil {
		return conn.Found{}, err
	}
	found := conn.Found{Facts: map[string]string{
		"entity_id": cfg.IDP.EntityID, "our_entity_id": cfg.EntityID, "acs": cfg.ACS, "slo": cfg.SLO, "our_metadata": cfg.EntityID + "/metadata",
	}}
	for binding, location := range cfg.IDP.SSO {
		found.Facts["sso "+binding[strings.LastIndex(binding, ":")+1:]] = location
	}
	profile, _ := saml.Vendor(cmp.Or(c.Vendor, "generic"))
	found.Missing = profile.Missing
	now := u.Clock.Now()
	good := 0
	for n, certificate := range cfg.IDP.Certificates {
		found.Facts["certificate "+strconv.Itoa(n+1)] = saml.Fingerprint(certificate)[:16] + "… until " + certificate.NotAfter.UTC().Format(time.DateOnly)
		if now.Before(certificate.NotAfter) {
			good++
		}
		if line := expires(certificate, now); line != "" {
			found.Missing = append(found.Missing, line)
		}
	}
	if good == 0 {
		return found, errors.New(Explain(saml.ReasonCertificate))
	}
	err = u.newer(ctx, c, cfg.IDP, &found)
	return found, err
}

func expires(certificate *x509.Certificate, now time.Time) string {
	const soon = 30 * 24 * time.Hour
	switch left := certificate.NotAfter.Sub(now); {
	case left <= 0:
		return "a certificate has expired and verifies nothing"
	case left < soon:
		return fmt.Sprintf("a certificate expires in %d days: have the provider publish the next one", int(left/(24*time.Hour)))
	}
	return ""
}

// newer says what differs in metadata that was fetched just now: a new
// certificate is only believed when an administrator gives the metadata again.
func (u Protocols) newer(ctx context.Context, c authz.Connection, held saml.Provider, found *conn.Found) error {
	if c.SAML.MetadataURL == "" {
		return nil
	}
	raw, err := saml.FetchMetadata(ctx, u.HTTP, c.SAML.MetadataURL)
	if err != nil {
		found.Missing = append(found.Missing, "the metadata cannot be fetched: "+plain(err).Error())
		return nil // people sign in without it
	}
	m, err := saml.ParseMetadata(raw, held.EntityID, u.Clock.Now())
	if err != nil {
		return plain(err)
	}
	changes, err := saml.Compare(held, m.Provider)
	if err != nil {
		return plain(err)
	}
	if changes.NeedApproval() {
		found.Missing = append(found.Missing, "the provider's metadata has new certificates or addresses: look at them, and give the metadata again")
	}
	return nil
}

// Explain says a reason in plain words.
func (Protocols) Explain(reason string) string { return Explain(reason) }

// TestURL is a link for a test sign-in.
func (u Protocols) TestURL(c authz.Connection, side authz.Side, by string) (string, error) {
	token, err := conn.NewTest(c, side, by, u.Clock.Now()).Token(u.Keyring, c.Issuer)
	return u.URL + "/connection-test?" + url.Values{"token": {token}}.Encode(), err
}

package config

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestRFC8705_ClientsAuthenticateByCertificateOnlyWhereOneCanArrive(t *testing.T) {
	asks := TLS{CertFile: "tls.crt", KeyFile: "tls.key", ClientCertificates: true}
	silent := asks
	silent.ClientCertificates = false
	for name, c := range map[string]struct {
		change func(*Config)
		want   bool
	}{
		"nothing set":                        {func(*Config) {}, false},
		"a listener that does not ask":       {func(c *Config) { c.Server.Public[0].TLS = silent }, false},
		"one that asks, without TLS":         {func(c *Config) { c.Server.Public[0].TLS.ClientCertificates = true }, false},
		"a header that nobody is believed":   {func(c *Config) { c.Server.ClientCertificateHeader = "Client-Cert" }, false},
		"proxies without the header":         {func(c *Config) { c.Server.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} }, false},
		"an address, and no listener for it": {func(c *Config) { c.Issuers[0].MTLSURL = "https://mtls.test:9443" }, false},
		"a listener of another address": {func(c *Config) {
			c.Server.Public = append(c.Server.Public, Listener{Address: "0.0.0.0:9443", TLS: asks})
		}, false},
		"the listener asks": {func(c *Config) { c.Server.Public[0].TLS = asks }, true},
		"the listener of mtls_url": {func(c *Config) {
			c.Issuers[0].MTLSURL = "https://mtls.test:9443"
			c.Server.Public = append(c.Server.Public, Listener{Address: "0.0.0.0:9443", TLS: asks})
		}, true},
		"the listener of api_url": {func(c *Config) {
			c.Issuers[0].APIURL = "https://api.test:9443"
			c.Server.Public = append(c.Server.Public, Listener{Address: "0.0.0.0:9443", TLS: asks})
		}, true},
		"an address without a port": {func(c *Config) {
			c.Issuers[0].MTLSURL = "https://mtls.test"
			c.Server.Public = append(c.Server.Public, Listener{Address: "0.0.0.0:9443", TLS: asks})
		}, true},
		"a port that is mapped to the listener's": {func(c *Config) {
			c.Issuers[0].URL, c.Server.Public[0].TLS = "https://auth.test:9443", asks
		}, true},
		"a port of another listener, which does not ask": {func(c *Config) {
			c.Issuers[0].URL = "https://auth.test:9443"
			c.Server.Public = append(c.Server.Public, Listener{Address: "0.0.0.0:9443", TLS: silent})
			c.Server.Public[0].TLS = asks
		}, false},
		"a trusted proxy passes it on": {func(c *Config) {
			c.Server.ClientCertificateHeader, c.Server.TrustedProxies = "Client-Cert", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		}, true},
	} {
		cfg := mustLoad(t, small)
		cfg.Issuers[0].URL, cfg.Server.Public[0].Address = "https://auth.test:8443", "0.0.0.0:8443"
		c.change(&cfg)
		got := cfg.Server.AuthMethods(cfg.Issuers[0])
		if slices.Contains(got, "self_signed_tls_client_auth") != c.want || slices.Contains(got, "tls_client_auth") || !slices.Contains(got, "private_key_jwt") {
			t.Errorf("%s: %v", name, got)
		}
		cfg.Server.ClientCAFile = "clients.pem"
		if got = cfg.Server.AuthMethods(cfg.Issuers[0]); slices.Contains(got, "tls_client_auth") != c.want {
			t.Errorf("%s, with authorities: %v", name, got)
		}
		if !slices.Contains(cfg.Issuers[0].OAuth.ClientAuthMethods, "tls_client_auth") {
			t.Errorf("%s: the configuration was changed", name)
		}
	}
}

func TestMethodsThatNobodyCanUseAreNamed(t *testing.T) {
	const path = "issuers[0].oauth.client_auth_methods"
	_, err := load(t, small, "GATEHOUSE_ISSUERS_0_OAUTH_CLIENT_AUTH_METHODS=tls_client_auth,self_signed_tls_client_auth")
	if p := problemAt(t, err, path); !strings.Contains(p.Message, "tls.client_certificates") {
		t.Errorf("%+v", p)
	}
	c := mustLoad(t, small, "GATEHOUSE_ISSUERS_0_OAUTH_CLIENT_AUTH_METHODS=none,tls_client_auth")
	c.Issuers[0].MTLSURL = "https://mtls.test"
	w := c.Warnings()
	if len(w) != 2 || w[0].Path != path+"[1]" || w[1].Path != "issuers[0].mtls_url" {
		t.Errorf("warnings %v", w)
	}
	if w := mustLoad(t, small).Warnings(); len(w) != 0 {
		t.Errorf("the profile's own list is warned of: %v", w)
	}
}

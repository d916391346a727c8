package config

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// valid is a configuration with one of everything.
func valid(t *testing.T) Config {
	return mustLoad(t, small+`
webhook: {url: "https://hooks.test/x", secret: "whsec_q7mV0ZyLw2Jx9Q3uT8nB5rKcE1sHfA4gDiP6oWjYtXk="}
`, "GATEHOUSE_ISSUERS_0_CONNECTIONS_0_ID=corp", "GATEHOUSE_ISSUERS_0_CONNECTIONS_0_NAME=Corp",
		"GATEHOUSE_ISSUERS_0_CONNECTIONS_0_WORKSPACE=acme", "GATEHOUSE_ISSUERS_0_CONNECTIONS_0_CLIENT_ID=gatehouse",
		"GATEHOUSE_ISSUERS_0_CONNECTIONS_0_ISSUER=https://idp.test/realm", "GATEHOUSE_ISSUERS_0_CONNECTIONS_0_DOMAINS=acme.test")
}

func TestValidateNamesWhatIsWrong(t *testing.T) {
	for _, tc := range []struct {
		path   string
		change func(c *Config)
	}{
		{"server.public", func(c *Config) { c.Server.Public = nil }},
		{"server.public[0].address", func(c *Config) { c.Server.Public[0].Address = "127.0.0.1" }},
		{"server.public[0].address", func(c *Config) { c.Server.Public[0].Address = "127.0.0.1:65536" }},
		{"server.public[0].tls.min_version", func(c *Config) { c.Server.Public[0].TLS.MinVersion = "1.1" }},
		{"server.public[0].tls.key_file", func(c *Config) { c.Server.Public[0].TLS.CertFile = "/absent" }},
		{"server.public[0].tls.cert_file", func(c *Config) { c.Server.Public[0].TLS.KeyFile = "/absent" }},
		{"server.public[0].tls", func(c *Config) {
			c.Server.Public[0].TLS = TLS{CertFile: "/absent", KeyFile: "/absent", MinVersion: "1.3"}
		}},
		{"server.operator.address", func(c *Config) { c.Server.Operator.Address = "0.0.0.0:8080" }},
		{"server.client_certificate_header", func(c *Config) {
			c.Server.ClientCertificateHeader, c.Server.TrustedProxies = "a b", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		}},
		{"server.client_certificate_header", func(c *Config) { c.Server.ClientCertificateHeader = "Client-Cert" }},
		{"server.client_ca_file", func(c *Config) { c.Server.ClientCAFile = "/absent" }},
		{"issuers[0].mtls_url", func(c *Config) { c.Issuers[0].MTLSURL = "http://mtls.example" }},
		{"issuers[0].tokens.pushed_ttl", func(c *Config) { c.Issuers[0].Tokens.PushedTTL = 0 }},
		{"server.max_body_bytes", func(c *Config) { c.Server.MaxBodyBytes = 0 }},
		{"server.shutdown_timeout", func(c *Config) { c.Server.ShutdownTimeout = 0 }},
		{"server.drain_delay", func(c *Config) { c.Server.DrainDelay = -1 }},
		{"database.driver", func(c *Config) { c.Database.Driver = "mysql" }},
		{"database.path", func(c *Config) { c.Database.Path = "" }},
		{"database.dsn", func(c *Config) { c.Database.Driver = Postgres }},
		{"database.dsn", func(c *Config) { c.Database.DSN = NewSecret("x") }},
		{"database.sqlite.synchronous", func(c *Config) { c.Database.SQLite.Synchronous = "off" }},
		{"secrets.root_keys", func(c *Config) { c.Secrets.RootKeys = nil }},
		{"secrets.root_keys[1].id", func(c *Config) { c.Secrets.RootKeys = append(c.Secrets.RootKeys, c.Secrets.RootKeys[0]) }},
		{"secrets.root_keys[1].value", func(c *Config) { c.Secrets.RootKeys = append(c.Secrets.RootKeys, c.Secrets.RootKeys[0]) }},
		{"secrets.generated_key_file", func(c *Config) {
			c.Database.Driver, c.Database.DSN = Postgres, NewSecret("x")
			c.Secrets = Secrets{GeneratedKeyFile: "k"}
		}},
		{"log.format", func(c *Config) { c.Log.Format = "xml" }},
		{"webhook.url", func(c *Config) { c.Webhook.URL = "http://hooks.test" }},
		{"webhook.url", func(c *Config) { c.Webhook.URL = "" }},
		{"webhook.secret", func(c *Config) { c.Webhook.Secret = NewSecret("whsec_c2hvcnQ=") }},
		{"webhook.secret", func(c *Config) { c.Webhook.Secret = NewSecret("whsec_" + b64(make([]byte, 32))) }},
		{"webhook.secret", func(c *Config) { c.Webhook.Secret = Secret{} }},
		{"outbound.timeout", func(c *Config) { c.Outbound.Timeout = time.Hour }},
		{"conditional_access.decision_retention", func(c *Config) { c.ConditionalAccess.DecisionRetention = time.Minute }},
		{"outbound.allow_private[0]", func(c *Config) { c.Outbound.AllowPrivate = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")} }},
		{"limits.token.per_client.burst", func(c *Config) { c.Limits.Token.PerClient.Burst = 0 }},
		{"limits.login.per_address.per_second", func(c *Config) { c.Limits.Login.PerAddress.PerSecond = 0 }},
		{"issuers", func(c *Config) { c.Issuers = nil }},
		{"issuers[1].name", func(c *Config) { c.Issuers[1].Name = "uptimepulse" }},
		{"issuers[0].name", func(c *Config) { c.Issuers[0].Name = "Up Time" }},
		{"issuers[0].profile", func(c *Config) { c.Issuers[0].Profile = "other" }},
		{"issuers[1].url", func(c *Config) { c.Issuers[1].URL = "https://auth.uptimepulse.test:443" }},
		{"issuers[1].api_url", func(c *Config) { c.Issuers[1].APIURL = c.Issuers[0].URL }},
		{"issuers[0].display_name", func(c *Config) { c.Issuers[0].DisplayName = "a\nb" }},
		{"issuers[1].keys.prefix", func(c *Config) { c.Issuers[1].Keys.Prefix = "up" }},
		{"issuers[0].keys.prefix", func(c *Config) { c.Issuers[0].Keys.Prefix = "up_" }},
		{"issuers[0].keys.path", func(c *Config) { c.Issuers[0].Keys.Path = "/v1/clients" }},
		{"issuers[0].keys.path", func(c *Config) { c.Issuers[0].Keys.Path = "/v1/{id}" }},
		{"issuers[0].keys.env_var", func(c *Config) { c.Issuers[0].Keys.EnvVar = "key" }},
		{"issuers[0].keys.rotation_default", func(c *Config) { c.Issuers[0].Keys.RotationDefault = 72 * time.Hour }},
		{"issuers[0].keys.rotation_enforceable", func(c *Config) { c.Issuers[0].Keys.RotationEnforceable = time.Hour }},
		{"issuers[0].keys.quarantine", func(c *Config) { c.Issuers[0].Keys.Quarantine = 0 }},
		{"issuers[0].keys.tiers", func(c *Config) { c.Issuers[0].Keys.Tiers = map[string]int{"gold": 1} }},
		{"issuers[0].keys.tiers.standard", func(c *Config) { c.Issuers[0].Keys.Tiers = map[string]int{"standard": 0} }},
		{"issuers[1].tokens.access_ttl", func(c *Config) { c.Issuers[1].Tokens.AccessTTL = 0 }},
		{"issuers[0].tokens.refresh_ttl", func(c *Config) { c.Issuers[0].Tokens.RefreshTTL = 59 * time.Minute }},
		{"issuers[0].tokens.code_ttl", func(c *Config) { c.Issuers[0].Tokens.CodeTTL = 61 * time.Second }},
		{"issuers[0].tokens.format", func(c *Config) { c.Issuers[0].Tokens.Format = "paseto" }},
		{"issuers[0].forward_auth.identity[0]", func(c *Config) { c.Issuers[0].ForwardAuth.Identity = []string{"password"} }},
		{"issuers[0].forward_auth.identity[1]", func(c *Config) { c.Issuers[0].ForwardAuth.Identity = []string{"scope", "scope"} }},
		{"issuers[0].oauth.pkce", func(c *Config) { c.Issuers[0].OAuth.PKCE = "none" }},
		{"issuers[0].oauth.client_auth_methods[0]", func(c *Config) { c.Issuers[0].OAuth.ClientAuthMethods = []string{"implicit"} }},
		{"issuers[0].oauth.scopes", func(c *Config) { c.Issuers[0].OAuth.Scopes = c.Issuers[0].OAuth.Scopes[1:] }},
		{"issuers[0].oauth.key_scopes[1].name", func(c *Config) { c.Issuers[0].OAuth.KeyScopes[1].Name = "admin:*" }},
		{"issuers[0].oauth.key_scopes[1].name", func(c *Config) { c.Issuers[0].OAuth.KeyScopes[1].Name = "monitor:read" }},
		{"issuers[0].signing.publish_ahead", func(c *Config) { c.Issuers[0].Signing.PublishAhead = 6 * time.Hour }},
		{"issuers[0].signing.publish_ahead", func(c *Config) { c.Issuers[0].Signing.PublishAhead = time.Minute }},
		{"issuers[0].signing.rotate_every", func(c *Config) { c.Issuers[0].Signing.RotateEvery = time.Minute }},
		{"issuers[0].signing.algorithms[2]", func(c *Config) { c.Issuers[0].Signing.Algorithms = []string{"RS256", "ES256", "HS256"} }},
		{"issuers[0].signing.algorithms", func(c *Config) { c.Issuers[0].Signing.Algorithms = []string{"ES256"} }},
		{"issuers[0].session.idle", func(c *Config) { c.Issuers[0].Session.Idle = 48 * time.Hour }},
		{"issuers[0].connections[0].id", func(c *Config) { c.Issuers[0].Connections[0].ID = "a/b" }},
		{"issuers[0].connections[0].issuer", func(c *Config) { c.Issuers[0].Connections[0].Issuer = "http://idp.test" }},
		{"issuers[0].connections[0].workspace", func(c *Config) { c.Issuers[0].Connections[0].Workspace = "" }},
		{"issuers[0].connections[0].scopes", func(c *Config) { c.Issuers[0].Connections[0].Scopes = nil }},
		{"issuers[0].connections[0].poll_minutes", func(c *Config) { c.Issuers[0].Connections[0].PollMinutes = new(-1) }},
		{"issuers[0].connections[0].poll_minutes", func(c *Config) { c.Issuers[0].Connections[0].PollMinutes = new(4) }},
		{"issuers[0].connections[0].poll_minutes", func(c *Config) { c.Issuers[0].Connections[0].PollMinutes = new(1441) }},
		{"issuers[0].connections[0].vendor", func(c *Config) { c.Issuers[0].Connections[0].Vendor = "nobody" }},
		{"issuers[0].connections[0].saml.metadata_url", func(c *Config) { c.Issuers[0].Connections[0].SAML.MetadataURL = "http://idp.test/metadata" }},
		{"issuers[0].connections[0].saml", func(c *Config) {
			c.Issuers[0].Connections[0].SAML = SAML{MetadataURL: "https://idp.test/metadata", MetadataFile: "metadata.xml"}
		}},
		{"issuers[0].connections[0].saml.subject", func(c *Config) {
			c.Issuers[0].Connections[0].SAML = SAML{MetadataFile: "metadata.xml", Subject: []string{""}}
		}},
		{"issuers[0].connections[0].routes[0].use", func(c *Config) {
			c.Issuers[0].Connections[0].Routes = []Route{{Domain: "acme.test", Use: "saml"}}
		}},
		{"issuers[0].connections[0].routes[0]", func(c *Config) {
			c.Issuers[0].Connections[0].Routes = []Route{{Use: "oidc"}}
		}},
		{"issuers[0].connections[0].domains[0]", func(c *Config) { c.Issuers[0].Connections[0].Domains = []string{"Acme.test"} }},
	} {
		c := valid(t)
		tc.change(&c)
		problemAt(t, c.Validate(), tc.path)
	}
}

func TestEveryProblemIsNamedAtOnce(t *testing.T) {
	c := valid(t)
	c.Log.Level, c.Database.Driver, c.Issuers[1].Tokens.AccessTTL = "", "", 0
	if problems := c.problems(); len(problems) != 3 {
		t.Errorf("%d problems: %v", len(problems), problems)
	}
	if err := valid(t).Validate(); err != nil {
		t.Errorf("valid: %v", err)
	}
}

func TestIssuerURLs(t *testing.T) {
	for raw, ok := range map[string]bool{
		"https://auth.example.com":       true,
		"https://auth.example.com:8443":  true,
		"http://127.0.0.1:8080":          true,
		"http://localhost:8080":          true,
		"http://[::1]:8080":              true,
		"https://[2001:db8::1]":          true,
		"http://auth.example.com":        false,
		"http://127.0.0.1.example.com":   false,
		"http://localhost.example.com":   false,
		"https://auth.example.com/":      false,
		"https://auth.example.com/path":  false,
		"https://auth.example.com?a=b":   false,
		"https://auth.example.com?":      false,
		"https://auth.example.com#":      false,
		"https://user@auth.example.com":  false,
		"https://Auth.example.com":       false,
		"HTTPS://auth.example.com":       false,
		"https://auth.example.com:":      false,
		"https://auth.example.com:0":     false,
		"https://auth.example.com:70000": false,
		"https://*.example.com":          false,
		"https://bücher.example":         false,
		"https://":                       false,
		"ftp://auth.example.com":         false,
		"auth.example.com":               false,
		"":                               false,
	} {
		c := valid(t)
		c.Issuers[0].URL = raw
		if err := c.Validate(); (err == nil) != ok {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func TestRL_03_TrustingTheWholeInternetIsRefused(t *testing.T) {
	for _, text := range []string{"0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "::ffff:0.0.0.0/96", "*", "", "10.0.0.0", "10.0.0.1/8"} {
		_, err := load(t, small+"server: {trusted_proxies: [\""+text+"\"]}\n")
		if problemAt(t, err, "server.trusted_proxies[0]").Line != 7 {
			t.Errorf("%s: no line", text)
		}
	}
	mustLoad(t, small+"server: {trusted_proxies: [10.0.0.0/8, \"fc00::/7\", 192.0.2.7/32]}\n")
}

func TestListenersMustNotShareAPort(t *testing.T) {
	for operator, ok := range map[string]bool{
		"127.0.0.1:8080": false, "0.0.0.0:8080": false, ":8080": false, "[::]:8080": false,
		"127.0.0.2:8080": true, "127.0.0.1:9090": true, "127.0.0.1:0": true,
	} {
		_, err := load(t, small, "GATEHOUSE_SERVER_OPERATOR_ADDRESS="+operator)
		if (err == nil) != ok {
			t.Errorf("%s: %v", operator, err)
		}
	}
}

func TestWarningsNameWhatWasLoosened(t *testing.T) {
	c := mustLoad(t, small, "GATEHOUSE_SERVER_OPERATOR_ADDRESS=:9090", "GATEHOUSE_LIMITS_ENABLED=false",
		"GATEHOUSE_DATABASE_SQLITE_SYNCHRONOUS=normal", "GATEHOUSE_OUTBOUND_ALLOW_PRIVATE=10.0.0.0/8",
		"GATEHOUSE_WEBHOOK_ALLOW_PRIVATE=10.0.0.0/8")
	if got := c.Warnings(); len(got) != 5 || !strings.Contains(got.Error(), "limits.enabled") {
		t.Errorf("warnings:\n%v", got)
	}
}

func TestAnAddressWhosePortNobodyListensOnIsWarnedOf(t *testing.T) {
	for what, c := range map[string]struct {
		url, api, listen, proxies, want string
	}{
		"the api's port":       {"https://auth.test:8443", "https://api.test:9443", "0.0.0.0:8443", "", "issuers[0].api_url"},
		"the issuer's":         {"https://auth.test:8443", "", "0.0.0.0:8080", "", "issuers[0].url"},
		"both are listened":    {"https://auth.test:8443", "https://api.test:8443", "0.0.0.0:8443", "", ""},
		"a proxy has it":       {"https://auth.test:8443", "", "0.0.0.0:8080", "10.0.0.0/8", ""},
		"no port":              {"https://auth.test", "https://api.test", "0.0.0.0:8080", "", ""},
		"any port that's free": {"https://auth.test:8443", "", "0.0.0.0:0", "", ""},
	} {
		cfg := mustLoad(t, small)
		cfg.Issuers[0].URL, cfg.Issuers[0].APIURL, cfg.Server.Public[0].Address = c.url, c.api, c.listen
		if c.proxies != "" {
			cfg.Server.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(c.proxies)}
		}
		w := cfg.Warnings()
		if told := len(w) == 1 && w[0].Path == c.want; told != (c.want != "") || c.want == "" && len(w) > 0 {
			t.Errorf("%s: %v", what, w)
		}
	}
}

func TestAnUpstreamOnThisMachineThatIsNotAllowedIsWarnedOf(t *testing.T) {
	for issuer, allowed := range map[string]string{
		"http://127.0.0.1:8086": "127.0.0.0/8", "http://localhost:8086": "127.0.0.0/8", "http://[::1]:8086": "::1/128", "https://login.test": "",
	} {
		c := mustLoad(t, small)
		c.Issuers[0].Connections = []Connection{{Issuer: issuer}}
		w := c.Warnings()
		if told := len(w) == 1 && w[0].Path == "issuers[0].connections[0].issuer"; told != (allowed != "") {
			t.Errorf("%s: %v", issuer, w)
		}
		if allowed == "" {
			continue
		}
		c.Outbound.AllowPrivate = []netip.Prefix{netip.MustParsePrefix(allowed)}
		if w = c.Warnings(); len(w) != 1 || w[0].Path != "outbound.allow_private" {
			t.Errorf("%s, allowed: %v", issuer, w)
		}
	}
}

func TestTheServerOfTheLimitsIsDescribedWholly(t *testing.T) {
	for text, path := range map[string]string{
		`{address: "valkey"}`: "address", `{address: "valkey:0"}`: "address", `{address: ":6379"}`: "address", `{tls: true}`: "address",
		`{password: "of-this-test-only"}`: "address", `{address: "valkey:6379", username: gatehouse}`: "password",
		`{address: "valkey:6379", ca_file: /nowhere.pem}`: "ca_file", `{address: "valkey:6379", tls: true, ca_file: /nowhere.pem}`: "ca_file",
		`{address: "valkey:6379", key_prefix: "a{b}"}`: "key_prefix", `{address: "valkey:6379", key_prefix: ""}`: "key_prefix",
	} {
		_, err := load(t, small+"limits: {shared: "+text+"}\n")
		problemAt(t, err, "limits.shared."+path)
	}
	c := mustLoad(t, small+`limits: {shared: {address: "valkey.internal:6379", username: gatehouse, password: "${env:VALKEY_PASSWORD}"}}`+"\n",
		"VALKEY_PASSWORD=of-this-test-only")
	if c.Limits.Shared.Password.Reveal() != "of-this-test-only" {
		t.Error("the password was not read from the environment")
	}
	if w := c.Warnings(); len(w) != 1 || w[0].Path != "limits.shared.tls" {
		t.Errorf("warnings: %v", w)
	}
	mustLoad(t, small+`limits: {shared: {address: "127.0.0.1:6379"}}`+"\n")
}

func TestThePoliciesForLeakedKeysAreKnownOnes(t *testing.T) {
	c := mustLoad(t, small)
	if l := c.Issuers[0].Keys.Leaks; l.Live != (LeakPolicy{"disable", 24 * time.Hour}) || l.Test != (LeakPolicy{"disable", time.Hour}) {
		t.Errorf("by default %+v", l)
	}
	c.Issuers[0].Keys.Leaks.Live, c.Issuers[0].Keys.Leaks.Test.Fuse = LeakPolicy{"ignore", 0}, -time.Second
	c.Leaks.GitHubKeysURL = "ftp://keys.test"
	err := c.Validate()
	for _, path := range []string{"issuers[0].keys.leaks.live.action", "issuers[0].keys.leaks.test.fuse", "leaks.github_keys_url"} {
		problemAt(t, err, path)
	}
}

func TestTheLayoutsOfImportedKeysAreToldFromOurs(t *testing.T) {
	for pattern, ok := range map[string]bool{
		"acme_sk_[a-z0-9]{24}": true, "sk-[a-z]+": false, "acme?[a-z]{30}": false, ".*": false, "acme_(a|b)": false, "acme_[": false,
		"at_abcd[a-z]{30}": false, "rt_abcd.*": false, "eyJhbGci.*": false, "up_live_[a-z]{30}": false, "up_live_": false, "sk_live_[A-Za-z0-9]{24}": true,
		"(?i)acme_": false, "": false, "acme": false,
	} {
		c := mustLoad(t, small)
		c.Issuers[0].Keys.Prefix = "up"
		c.Issuers[0].Keys.ImportedLayouts = []KeyLayout{{Pattern: pattern, Lookup: 12}}
		if err := c.Validate(); (err == nil) != ok {
			t.Errorf("%q: %v", pattern, err)
		}
	}
	c := mustLoad(t, small)
	c.Issuers[0].Keys.ImportedLayouts = []KeyLayout{{Pattern: "acme_[a-z]{30}", Lookup: 5}}
	c.Secrets.ForeignHMACKeys = []ForeignKey{{ID: "a", Value: NewSecret("x")}, {ID: "a"}, {ID: "/", Value: NewSecret("x")}}
	err := c.Validate()
	for _, path := range []string{
		"issuers[0].keys.imported_layouts[0].lookup", "secrets.foreign_hmac_keys[1].id", "secrets.foreign_hmac_keys[1].value", "secrets.foreign_hmac_keys[2].id",
	} {
		problemAt(t, err, path)
	}
}

package config

// Limits are the rate limits of the public endpoints.
type Limits struct {
	// Whether the limits apply.
	Enabled bool `yaml:"enabled"`
	// The token endpoint.
	Token Limit `yaml:"token"`
	// The introspection endpoint.
	Introspect Limit `yaml:"introspect"`
	// The authorization endpoint.
	Authorize Limit `yaml:"authorize"`
	// Attempts to sign in; per_client is for each connection.
	Login Limit `yaml:"login"`
	// The endpoint where clients register themselves.
	Registration Limit `yaml:"registration"`
	// Reports of leaked keys; per_client is for all who do not sign theirs, and for
	// GitHub.
	Leaks Limit `yaml:"leaks"`
	// Where several nodes count the uses of API keys together.
	Shared SharedLimits `yaml:"shared"`
}

// SharedLimits is one Redis-compatible server (Valkey, Redis 6.2 or newer, not
// a cluster).
type SharedLimits struct {
	// host:port; empty leaves each node its share of every key's limit.
	Address string `yaml:"address"`
	// Speak TLS, with a server whose certificate is valid for the host.
	TLS bool `yaml:"tls"`
	// PEM file of the authorities to believe instead of the machine's.
	CAFile string `yaml:"ca_file"`
	// The user to authenticate as; empty for the server's default one.
	Username string `yaml:"username"`
	// Its password; empty to not authenticate.
	Password Secret `yaml:"password"`
	// A file that holds the password.
	PasswordFile string `yaml:"password_file"`
	// What the names of everything kept there begin with; the nodes of one
	// deployment need the same.
	KeyPrefix string `yaml:"key_prefix"`
}

// Limit bounds an endpoint twice.
type Limit struct {
	// For each client address.
	PerAddress Rate `yaml:"per_address"`
	// For each OAuth client, over all addresses.
	PerClient Rate `yaml:"per_client"`
}

// Rate is a sustained rate and what may come at once.
type Rate struct {
	// Requests per second, sustained; fractions are allowed.
	PerSecond float64 `yaml:"per_second"`
	// Requests that may come at once.
	Burst int `yaml:"burst"`
}

// defaultLimits leave room for an office behind one address, and for a
// gateway that introspects every request it sees.
func defaultLimits() Limits {
	return Limits{
		Enabled:      true,
		Token:        Limit{PerAddress: Rate{50, 300}, PerClient: Rate{100, 400}},
		Introspect:   Limit{PerAddress: Rate{2000, 4000}, PerClient: Rate{2000, 4000}},
		Authorize:    Limit{PerAddress: Rate{20, 200}, PerClient: Rate{100, 400}},
		Login:        Limit{PerAddress: Rate{10, 150}, PerClient: Rate{50, 200}},
		Registration: Limit{PerAddress: Rate{1, 30}, PerClient: Rate{1, 30}},
		Leaks:        Limit{PerAddress: Rate{0.2, 20}, PerClient: Rate{10, 100}},
		Shared:       SharedLimits{KeyPrefix: "gatehouse:"},
	}
}

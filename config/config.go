package config

import (
	"net/netip"
	"time"
)

// Config is everything the server is told at start.
type Config struct {
	// Listeners, proxies and timeouts of the HTTP server.
	Server Server `yaml:"server"`
	// Where state is kept.
	Database Database `yaml:"database"`
	// The keys that encrypt what is kept.
	Secrets Secrets `yaml:"secrets"`
	// The log on standard error.
	Log Log `yaml:"log"`
	// The signed sink that events are sent to.
	Webhook Webhook `yaml:"webhook"`
	// Requests the server makes itself: discovery, upstream tokens, metadata.
	Outbound Outbound `yaml:"outbound"`
	// Rate limits of the endpoints. Limits of API keys are tiers of the issuer.
	Limits Limits `yaml:"limits"`
	// Conditional access, for all issuers.
	ConditionalAccess ConditionalAccess `yaml:"conditional_access"`
	// Reports of leaked keys. What happens to a key that leaked is the issuer's.
	Leaks Leaks `yaml:"leaks"`
	// The authorization servers of this process, told apart by host.
	Issuers []Issuer `yaml:"issuers"`
}

// Log is how the server logs.
type Log struct {
	// The least level that is written.
	Level string `yaml:"level" jsonschema:"enum=debug,enum=info,enum=warn,enum=error"`
	// One JSON object or one line of text per record.
	Format string `yaml:"format" jsonschema:"enum=json,enum=text"`
}

// Webhook is the one sink that events are sent to, signed as Standard Webhooks
// describes.
type Webhook struct {
	// Where events are posted; empty for nowhere.
	URL string `yaml:"url"`
	// The signing secret: "whsec_" and the base64 of 24 to 64 random bytes.
	Secret Secret `yaml:"secret"`
	// A file that holds the signing secret.
	SecretFile string `yaml:"secret_file"`
	// Prefixes of private networks the sink may be in.
	AllowPrivate []netip.Prefix `yaml:"allow_private"`
}

// Outbound bounds the requests the server makes to addresses others chose.
type Outbound struct {
	// Prefixes of private networks that may be reached; all others are refused.
	AllowPrivate []netip.Prefix `yaml:"allow_private"`
	// The longest an exchange may take.
	Timeout time.Duration `yaml:"timeout"`
	// The longest answer that is read, in bytes.
	MaxBodyBytes int64 `yaml:"max_body_bytes"`
}

// Leaks are reports of leaked keys at POST /v1/leaks/report.
type Leaks struct {
	// Where GitHub publishes the keys that its secret scanning signs reports with,
	// https://api.github.com/meta/public_keys/secret_scanning; empty to take none
	// of its reports.
	GitHubKeysURL string `yaml:"github_keys_url"`
}

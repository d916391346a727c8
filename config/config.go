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

// ConditionalAccess is what the rules of workspaces are decided with.
type ConditionalAccess struct {
	// A table that says where addresses are, read at the start: one block on each
	// line, such as 203.0.113.0/24,DE. Empty for none: every region is unknown.
	RegionsFile string `yaml:"regions_file"`
	// How long decisions are kept, to be explained and replayed. They hold
	// addresses and groups of people.
	DecisionRetention time.Duration `yaml:"decision_retention"`
}

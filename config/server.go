package config

import (
	"net/netip"
	"time"
)

// Server is the HTTP server.
type Server struct {
	// The public listeners; every issuer is served on each of them.
	Public []Listener `yaml:"public"`
	// The listener of health checks and metrics. It is never to be public.
	Operator OperatorListener `yaml:"operator"`
	// Prefixes of the proxies in front, whose forwarded headers are believed.
	// The whole internet is refused.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies"`
	// The header in which trusted proxies pass on the certificate of a client:
	// Client-Cert (RFC 9440), or one with percent-encoded PEM. Empty for none.
	ClientCertificateHeader string `yaml:"client_certificate_header"`
	// PEM file of the authorities whose certificates clients may authenticate
	// with (tls_client_auth); empty for none.
	ClientCAFile string `yaml:"client_ca_file"`
	// The longest request body that is read, in bytes.
	MaxBodyBytes int64 `yaml:"max_body_bytes"`
	// The longest a request may take to arrive.
	ReadTimeout time.Duration `yaml:"read_timeout"`
	// The longest an answer may take to be written.
	WriteTimeout time.Duration `yaml:"write_timeout"`
	// The longest an idle connection is kept.
	IdleTimeout time.Duration `yaml:"idle_timeout"`
	// How long the server says that it is not ready before it stops listening.
	DrainDelay time.Duration `yaml:"drain_delay"`
	// The longest that requests in flight may take once it has stopped listening.
	ShutdownTimeout time.Duration `yaml:"shutdown_timeout"`
}

// Listener is a public address.
type Listener struct {
	// host:port to listen on; port 0 takes a free one.
	Address string `yaml:"address"`
	// Serve HTTPS; without it the listener speaks HTTP and belongs behind a proxy.
	TLS TLS `yaml:"tls"`
	// Only the operator's own gateways reach this listener: /v1/forward-auth
	// answers them without a credential of theirs.
	TrustedGateways bool `yaml:"trusted_gateways"`
}

// OperatorListener is the address of the operator's listener.
type OperatorListener struct {
	// host:port to listen on; port 0 takes a free one.
	Address string `yaml:"address"`
}

// TLS is a listener's certificate.
type TLS struct {
	// PEM file of the certificate and its chain.
	CertFile string `yaml:"cert_file"`
	// PEM file of the private key.
	KeyFile string `yaml:"key_file"`
	// Ask for a certificate of the client, which may decline. Browsers may then
	// ask people for one: use a listener of its own, and the issuer's mtls_url.
	ClientCertificates bool `yaml:"client_certificates"`
	// The oldest version of TLS that is spoken.
	MinVersion string `yaml:"min_version" jsonschema:"enum=1.2,enum=1.3"`
}

// Enabled reports whether the listener speaks TLS.
func (t TLS) Enabled() bool { return t.CertFile != "" || t.KeyFile != "" }

func (l *Listener) setDefaults(func(string) string) { l.TLS.MinVersion = "1.3" }

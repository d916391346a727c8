package config

import (
	"fmt"
	"time"
)

// withoutFile is the file that stands in when there is none.
const withoutFile = `
secrets: {generated_key_file: gatehouse.key}
issuers: [{profile: default, url: "http://127.0.0.1:8080"}]
`

// Default is what the server uses without a file: one issuer of the default
// profile at http://127.0.0.1:8080 on SQLite in ./gatehouse.db. It holds no
// root key; the caller generates one into Secrets.GeneratedKeyFile.
func Default() Config {
	c, problems := assemble([]byte(withoutFile), environment{})
	if len(problems) > 0 {
		panic(fmt.Sprintf("config: built-in configuration: %v", problems))
	}
	return c
}

// base is what a file is laid over.
func base() Config {
	listener := Listener{Address: "127.0.0.1:8080"}
	listener.setDefaults(nil)
	return Config{
		Server: Server{
			Public:          []Listener{listener},
			Operator:        OperatorListener{Address: "127.0.0.1:9090"},
			MaxBodyBytes:    1 << 20,
			ReadTimeout:     10 * time.Second,
			WriteTimeout:    30 * time.Second,
			IdleTimeout:     2 * time.Minute,
			DrainDelay:      5 * time.Second,
			ShutdownTimeout: 25 * time.Second,
		},
		Database: Database{
			Driver:       SQLite,
			Path:         "./gatehouse.db",
			SQLite:       SQLiteOptions{Synchronous: "full"},
			MaxOpenConns: 20,
		},
		Log:      Log{Level: "info", Format: "json"},
		Outbound: Outbound{Timeout: 5 * time.Second, MaxBodyBytes: 1 << 20},
		Limits:   defaultLimits(),

		ConditionalAccess: ConditionalAccess{DecisionRetention: 90 * day},
	}
}

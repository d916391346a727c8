package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// client is an OAuth client by its Basic authentication.
type client struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
	Scope  string `json:"scope"`
}

// server is something to measure.
type server struct {
	pid int // 0 if the CPU time of the process cannot be told
	// database is the SQLite file, or "" if it is not ours to fill.
	database string

	Issuer        string `json:"issuer"`
	Token         string `json:"token_endpoint"`
	Introspection string `json:"introspection_endpoint"`
	JWKS          string `json:"jwks_uri"`

	introspector, service client
	// web and webRSA are what people sign in to, with ES256 and RS256 ID tokens;
	// provider is the host of where they do. Only a served server has them.
	web, webRSA client
	provider    string
}

// discover fills in the endpoints from OpenID Connect Discovery 1.0.
func discover(ctx context.Context, issuer string, s *server) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, discoveryOf(issuer), nil)
	if err != nil {
		return fmt.Errorf("discovery of %s: %w", issuer, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("discovery: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxBody)).Decode(s); err != nil {
		return fmt.Errorf("discovery of %s: %w", issuer, err)
	}
	if s.Issuer != issuer {
		return fmt.Errorf("discovery of %s names issuer %q", issuer, s.Issuer)
	}
	return loopbackOnly(s.Issuer, s.Token, s.Introspection, s.JWKS)
}

// api is an address beside introspection.
func (s *server) api(path string) string {
	return strings.TrimSuffix(s.Introspection, "/oauth2/introspect") + path
}

func discoveryOf(issuer string) string { return issuer + "/.well-known/openid-configuration" }

// loopbackOnly keeps the load from anything but this machine.
func loopbackOnly(endpoints ...string) error {
	for _, e := range endpoints {
		u, err := url.Parse(e)
		if err != nil || u.Scheme != "http" || u.Port() == "" || (u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost") {
			return fmt.Errorf("%q is not a plain http address with a port on loopback", e)
		}
	}
	return nil
}

// demoSummary is the part of `gatehouse demo --summary` a bench needs.
type demoSummary struct {
	Issuers []struct {
		Name    string `json:"name"`
		Issuer  string `json:"issuer"`
		Clients struct {
			Introspector client `json:"introspector"`
			Service      client `json:"service"`
		} `json:"clients"`
	} `json:"issuers"`
}

// readSummary returns the server the summary describes, by the issuer's name.
func readSummary(path, name string) (*server, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the summary: %w", err)
	}
	var summary demoSummary
	if err := json.Unmarshal(text, &summary); err != nil {
		return nil, fmt.Errorf("reading the summary: %w", err)
	}
	for _, i := range summary.Issuers {
		if name != "" && name != i.Name {
			continue
		}
		s := &server{Issuer: i.Issuer, introspector: i.Clients.Introspector, service: i.Clients.Service}
		if s.introspector.ID == "" || s.service.ID == "" {
			return nil, fmt.Errorf("the summary's issuer %s lacks the clients introspector and service", i.Name)
		}
		return s, nil
	}
	return nil, fmt.Errorf("the summary has no issuer %q", name)
}

// cpu is the processor time the server has used so far, in steps of 10 ms.
func (s *server) cpu() time.Duration {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(s.pid) + "/stat")
	if err != nil {
		return 0
	}
	// The second field is the program's name in parentheses and may hold spaces.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}

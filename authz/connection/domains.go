package connection

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

var domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// lookupTime bounds a question to the domain name system.
const lookupTime = 5 * time.Second

// maxTXT bounds how many records of an answer are looked at.
const maxTXT = 100

// Proof is the TXT record that proves a domain to be the workspace's.
type Proof struct{ Domain, Name, Value string }

// Proof says which record the owner of a domain must publish: it is of this
// very connection, so that nobody profits from a record somebody else published.
func (s *Connections) Proof(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID, domain string) (Proof, error) {
	c, err := s.Get(ctx, by, ws, id)
	if err != nil {
		return Proof{}, err
	}
	return s.proof(c, domain)
}

func (s *Connections) proof(c authz.Connection, domain string) (Proof, error) {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if len(domain) > 253 || !domainName.MatchString(domain) {
		return Proof{}, invalid("domain", "must be a domain name in ASCII")
	}
	mac := hmac.New(sha256.New, s.cfg.DomainKey)
	mac.Write([]byte(strings.Join([]string{string(c.Issuer), string(c.WorkspaceID), string(c.ID), domain}, "\x00")))
	value := "gatehouse-domain=" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	return Proof{Domain: domain, Name: "_gatehouse." + domain, Value: value}, nil
}

// ProveDomain looks for the record and, if it is there, makes the domain the
// connection's. A domain is one connection's of an issuer.
func (s *Connections) ProveDomain(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID, domain string) (authz.Connection, error) {
	c, err := s.Get(ctx, by, ws, id)
	if err != nil {
		return c, err
	}
	proof, err := s.proof(c, domain)
	if err != nil {
		return c, err
	}
	if slices.Contains(c.Domains, proof.Domain) {
		return c, nil
	}
	if err := s.lookFor(ctx, proof); err != nil {
		return c, err
	}
	c.Domains = append(slices.Clone(c.Domains), proof.Domain)
	c.UpdatedAt = s.cfg.Clock.Now()
	out, err := s.write(ctx, by, c, c.State, "connection.domain_verified", map[string]any{"domain": proof.Domain})
	if authz.KindOf(err) == authz.Conflict {
		return c, authz.NewError(authz.Conflict, "domain_taken", "The domain is another connection's.").Because(err)
	}
	return out, err
}

func (s *Connections) lookFor(ctx context.Context, proof Proof) error {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	records, err := s.cfg.LookupTXT(ctx, proof.Name)
	if dns, ok := errors.AsType[*net.DNSError](err); err != nil && (!ok || !dns.IsNotFound) {
		return authz.NewError(authz.Unavailable, "dns_unavailable", "The domain name system did not answer; try again.").Because(err)
	}
	if !slices.Contains(records[:min(len(records), maxTXT)], proof.Value) {
		return authz.NewError(authz.Conflict, "domain_not_proven", "There is no TXT record "+proof.Name+" with the value given. It may take a while to be seen.")
	}
	return nil
}

// DropDomain takes a domain from the connection: its people are routed here no
// more, and nobody joins with it.
func (s *Connections) DropDomain(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID, domain string) (authz.Connection, error) {
	c, err := s.Get(ctx, by, ws, id)
	if err != nil {
		return c, err
	}
	at := slices.Index(c.Domains, strings.ToLower(domain))
	if at < 0 {
		return c, authz.ErrNotFound
	}
	c.Domains = slices.Delete(slices.Clone(c.Domains), at, at+1)
	c.UpdatedAt = s.cfg.Clock.Now()
	return s.write(ctx, by, c, c.State, "connection.domain_dropped", map[string]any{"domain": strings.ToLower(domain)})
}

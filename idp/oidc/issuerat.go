package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gatehouse-auth/gatehouse/idp"
)

const wellKnown = "/.well-known/openid-configuration"

// maxAddress is the longest address of a discovery document, in bytes.
const maxAddress = 2048

// IssuerAt fetches the discovery document at an address that somebody pasted, or
// below it, and returns the issuer it tells, exactly as it does (OpenID Connect
// Discovery section 3). That the issuer's own document agrees is for a Connector
// to see. Every failure is an *idp.Error.
func IssuerAt(ctx context.Context, client *http.Client, address string) (string, error) {
	address = strings.TrimSpace(address)
	if len(address) > maxAddress || checkIssuer(address) != nil {
		return "", idp.Refuse(idp.ReasonMetadata, errors.New("not the address of a discovery document"))
	}
	if !strings.HasSuffix(address, wellKnown) {
		address = strings.TrimSuffix(address, "/") + wellKnown
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	doc, err := get(ctx, client, address, maxMetadata)
	if err != nil {
		return "", err
	}
	if doc.status != http.StatusOK {
		return "", unavailable(fmt.Errorf("discovery: status %d", doc.status))
	}
	var m struct {
		Issuer string `json:"issuer"`
	}
	if err := json.Unmarshal(doc.body, &m); err != nil {
		return "", idp.Refuse(idp.ReasonMetadata, fmt.Errorf("discovery: %w", err))
	}
	// A template stands for many tenants, of which one must be chosen (Entra's
	// common and organizations).
	if strings.ContainsAny(m.Issuer, "{}") {
		return "", idp.Refuse(idp.ReasonManyTenants, errors.New("the document names no single issuer"))
	}
	if checkIssuer(m.Issuer) != nil {
		return "", idp.Refuse(idp.ReasonIssuerMismatch, errors.New("the document names no single issuer"))
	}
	return m.Issuer, nil
}

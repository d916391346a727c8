// Package sector asks the site at a client's sector_identifier_uri whether the
// client's redirect URIs are its own (OpenID Connect Dynamic Client
// Registration section 5).
//
//	client, checked by authz/clientmeta → GET sector_identifier_uri → every redirect URI is in the list
package sector

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// MaxList bounds a site's list, in bytes.
const MaxList = 64 << 10

// askTime bounds how long a site may take to answer.
const askTime = 5 * time.Second

// Sites are asked for their lists.
type Sites struct {
	// HTTP guards addresses that strangers chose and follows no redirect
	// (idp/outbound). Required.
	HTTP *http.Client
}

var errUnproven = authz.NewError(authz.Invalid, "invalid_sector_identifier_uri",
	"sector_identifier_uri: must answer with a JSON array that holds every redirect URI.")

// Prove refuses a client that names a sector whose site does not list the
// client's redirect URIs. Nobody is asked about a client that names none.
func (s Sites) Prove(ctx context.Context, c authz.Client) error {
	if c.Metadata.SectorURI == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	list, err := s.list(ctx, c.Metadata.SectorURI)
	if err != nil {
		return errUnproven.Because(err)
	}
	if !authz.Within(c.RedirectURIs, list) {
		return errUnproven
	}
	return nil
}

func (s Sites) list(ctx context.Context, uri string) ([]string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := s.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking for a sector's redirect URIs: status %d", resp.StatusCode)
	}
	var list []string
	if err := json.NewDecoder(io.LimitReader(resp.Body, MaxList)).Decode(&list); err != nil {
		return nil, fmt.Errorf("reading a sector's redirect URIs: %w", err)
	}
	return list, nil
}

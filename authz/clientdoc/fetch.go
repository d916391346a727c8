package clientdoc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
)

// How long a document is believed, and that there is none.
const (
	leastAge  = 5 * time.Minute
	mostAge   = 24 * time.Hour
	badAge    = time.Minute
	fetchTime = 5 * time.Second
)

var errBusy = authz.NewError(authz.Unavailable, "temporarily_unavailable", "The server cannot answer right now; try again shortly.")

// document returns the client its document describes. The fetch goes on when
// the one who asked first hangs up: others wait for it.
func (d *Documents) document(ctx context.Context, id string) (authz.Client, error) {
	e, mine := d.cache.at(id, d.cfg.Clock.Now())
	if mine {
		go d.fill(context.WithoutCancel(ctx), id, e)
	}
	select {
	case <-e.done:
		return e.client, e.err
	case <-ctx.Done():
		return authz.Client{}, ctx.Err()
	}
}

func (d *Documents) fill(ctx context.Context, id string, e *entry) {
	select {
	case d.gate <- struct{}{}:
		defer func() { <-d.gate }()
	default:
		d.cache.fill(e, authz.Client{}, errBusy, d.cfg.Clock.Now()) // not remembered
		return
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	client, age, err := d.fetch(ctx, id)
	if err != nil {
		age, err = badAge, errClient.Because(fmt.Errorf("the client's document: %w", err))
	}
	d.cache.fill(e, client, err, d.cfg.Clock.Now().Add(age))
}

// fetch gets a document and says how long to believe it.
func (d *Documents) fetch(ctx context.Context, id string) (authz.Client, time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, id, nil)
	if err != nil {
		return authz.Client{}, 0, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := d.cfg.HTTP.Do(req)
	if err != nil {
		return authz.Client{}, 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return authz.Client{}, 0, fmt.Errorf("status %d", resp.StatusCode)
	}
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || !isJSON(media) {
		return authz.Client{}, 0, errors.New("it is not JSON by its Content-Type")
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxDocument+1))
	if err != nil {
		return authz.Client{}, 0, err
	}
	if len(body) > MaxDocument {
		return authz.Client{}, 0, errors.New("it is too large")
	}
	c, err := d.Parse(id, body)
	if err == nil {
		err = d.cfg.Sectors.Prove(ctx, c)
	}
	return c, age(resp.Header.Get("Cache-Control")), err
}

// age is how long an answer may be believed, within our bounds (RFC 9111
// section 5.2.2).
func age(cacheControl string) time.Duration {
	for directive := range strings.SplitSeq(cacheControl, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return leastAge
		case "max-age":
			seconds, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 32)
			if err != nil {
				return leastAge
			}
			return min(max(time.Duration(seconds)*time.Second, leastAge), mostAge)
		}
	}
	return leastAge
}

// Parse makes a client of the document at id: one that says it is that client,
// shares no secret, and passes the rules of the mcp profile.
func (d *Documents) Parse(id string, body []byte) (authz.Client, error) {
	said, err := clientmeta.Parse(body, authz.ProfileMCP)
	if err != nil {
		return authz.Client{}, err
	}
	if said.ClientID != id {
		return authz.Client{}, errors.New("its client_id is another")
	}
	if said.ClientSecret != "" || len(said.SoftwareStatement) > 0 {
		return authz.Client{}, errors.New("it holds a secret or a software statement")
	}
	if said.Name == "" {
		said.Name = Host(id)
	}
	said.GrantTypes = only(said.GrantTypes, authz.GrantAuthorizationCode, authz.GrantRefreshToken)
	if len(said.GrantTypes) == 0 || said.GrantTypes[0] != authz.GrantAuthorizationCode {
		return authz.Client{}, errors.New("it is not for the authorization code flow")
	}
	c, err := said.Client(authz.RegisteredByDocument, d.cfg.Scopes)
	if err != nil {
		return authz.Client{}, err
	}
	now := d.cfg.Clock.Now()
	c.ID, c.Issuer, c.State, c.Revision, c.CreatedAt, c.UpdatedAt = authz.ClientID(id), d.cfg.Issuer, authz.Active, 1, now, now
	return c, d.cfg.Rules.Check(c)
}

// only leaves of a list what is allowed: a document is written for every
// server, and lists what some other one offers.
func only(list []string, allowed ...string) []string {
	var left []string
	for _, a := range allowed {
		for _, have := range list {
			if have == a {
				left = append(left, a)
				break
			}
		}
	}
	return left
}

// isJSON reports whether a media type is JSON or says that it is (RFC 6839
// section 3.1).
func isJSON(media string) bool {
	return media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}

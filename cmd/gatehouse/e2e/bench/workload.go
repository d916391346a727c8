package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// workload makes the operation of connection i of n: a function that does one
// request and says what was wrong with the answer.
type workload func(i, n int) func(*connection) error

func workloadOf(name string, s *server, tokens []string) (workload, error) {
	switch name {
	case "W1":
		return introspection(s, tokens[:1]), nil
	case "W2", "W8":
		return introspection(s, tokens), nil
	case "W3":
		return issuance(s, func(string) {}), nil
	case "W4":
		return refreshes(s, s.web), nil
	case "W4-RS256":
		return refreshes(s, s.webRSA), nil
	case "W5":
		return logins(s, s.web), nil
	case "W5-RS256":
		return logins(s, s.webRSA), nil
	case "W6":
		return documents(s), nil
	case "W7":
		return unchanged(s), nil
	case "verify":
		return verification(s, tokens), nil
	case "forward-auth":
		return holding(s, tokens), nil
	}
	return nil, fmt.Errorf("unknown workload %q", name)
}

// introspection asks for the tokens in turn, each connection for its own share
// of them (RFC 7662 section 2.1).
func introspection(s *server, tokens []string) workload {
	return shares(tokens, func(token string) []byte {
		return post(s.Introspection, s.introspector, url.Values{"token": {token}})
	}, `"active":true`)
}

// verification asks for a decision about the tokens in turn, as a gateway does.
func verification(s *server, tokens []string) workload {
	return shares(tokens, func(token string) []byte {
		body := `{"credential":"` + token + `","client_ip":"192.0.2.7","method":"GET"}`
		req := newRequest(http.MethodPost, s.api("/v1/verify"))
		req.SetBasicAuth(url.QueryEscape(s.introspector.ID), url.QueryEscape(s.introspector.Secret))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return append(render(req), body...)
	}, `"allowed":true`)
}

// holding asks as a gateway that holds the client's request back.
func holding(s *server, tokens []string) workload {
	return shares(tokens, func(token string) []byte {
		req := newRequest(http.MethodGet, s.api("/v1/forward-auth"))
		req.SetBasicAuth(url.QueryEscape(s.introspector.ID), url.QueryEscape(s.introspector.Secret))
		req.Header.Set("X-Gatehouse-Caller", req.Header.Get("Authorization"))
		req.Header.Set("Authorization", "Bearer "+token)
		return render(req)
	}, "")
}

// shares sends a request for each of its share of the tokens, in turn.
func shares(tokens []string, request func(token string) []byte, part string) workload {
	return func(i, n int) func(*connection) error {
		var requests [][]byte
		for at := i % len(tokens); at < len(tokens); at += n {
			requests = append(requests, request(tokens[at]))
		}
		next := 0
		return func(c *connection) error {
			request := requests[next]
			next = (next + 1) % len(requests)
			return expect(c, request, part)
		}
	}
}

// issuance asks for an access token (RFC 6749 section 4.4) and hands it to got.
func issuance(s *server, got func(token string)) workload {
	return func(int, int) func(*connection) error {
		form := url.Values{"grant_type": {"client_credentials"}}
		if s.service.Scope != "" {
			form.Set("scope", s.service.Scope)
		}
		request := post(s.Token, s.service, form)
		last := ""
		return func(c *connection) error {
			if err := expect(c, request, `"access_token":"`); err != nil {
				return err
			}
			_, rest, _ := bytes.Cut(c.body, []byte(`"access_token":"`))
			token, _, found := bytes.Cut(rest, []byte(`"`))
			if !found || string(token) == last {
				return errors.New("no new access token in the answer")
			}
			last = string(token)
			got(last)
			return nil
		}
	}
}

// documents fetches discovery and key set in turn; each is one operation.
func documents(s *server) workload {
	discovery, jwks := get(discoveryOf(s.Issuer)), get(s.JWKS)
	return func(i, _ int) func(*connection) error {
		odd := i%2 == 1
		return func(c *connection) error {
			if odd = !odd; odd {
				return expect(c, discovery, `"issuer":`)
			}
			return expect(c, jwks, `"keys":`)
		}
	}
}

// unchanged asks for the same two documents by somebody who has them (RFC 9110
// section 13.1.2).
func unchanged(s *server) workload {
	discovery, jwks := getUnless(discoveryOf(s.Issuer), `*`), getUnless(s.JWKS, `*`)
	return func(i, _ int) func(*connection) error {
		odd := i%2 == 1
		return func(c *connection) error {
			request := jwks
			if odd = !odd; odd {
				request = discovery
			}
			status, body, err := c.do(request)
			if err == nil && (status != http.StatusNotModified || len(body) > 0) {
				err = fmt.Errorf("status %d, %d bytes, 304 expected", status, len(body))
			}
			return err
		}
	}
}

// expect wants status 200 and a body that holds part. Its error shows nothing
// of the body, which may hold a token.
func expect(c *connection, request []byte, part string) error {
	status, body, err := c.do(request)
	if err != nil {
		return err
	}
	if status != http.StatusOK || !bytes.Contains(body, []byte(part)) {
		return fmt.Errorf("status %d, %d bytes, %s expected", status, len(body), part)
	}
	return nil
}

// post renders a form post with client_secret_basic (RFC 6749 section 2.3.1).
func post(endpoint string, c client, form url.Values) []byte {
	body := form.Encode()
	req := newRequest(http.MethodPost, endpoint)
	req.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return append(render(req), body...)
}

func get(endpoint string) []byte { return render(newRequest(http.MethodGet, endpoint)) }

func getUnless(endpoint, etag string) []byte {
	req := newRequest(http.MethodGet, endpoint)
	req.Header.Set("If-None-Match", etag)
	return render(req)
}

func newRequest(method, endpoint string) *http.Request {
	u, err := url.Parse(endpoint)
	if err != nil {
		u = &url.URL{} // loopbackOnly has parsed it before
	}
	return &http.Request{Method: method, URL: u, Header: http.Header{"Accept": {"application/json"}}}
}

func render(req *http.Request) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", req.Method, req.URL.RequestURI(), req.URL.Host)
	_ = req.Header.Write(&b) // a buffer takes everything
	b.WriteString("\r\n")
	return b.Bytes()
}

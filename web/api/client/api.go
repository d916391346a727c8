package client

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Config says which server is asked, and as whom.
type Config struct {
	// URL is where the API is served, such as https://api.uptimepulse.io.
	// Required. Credentials are sent over https, and over http to loopback only.
	URL string
	// Credential authenticates every request. Required.
	Credential Credential
	// HTTP sends the requests; nil means one with a timeout of 30 s. Redirects
	// are never followed.
	HTTP *http.Client
	// UserAgent is put before the client's own, such as "deploy/1.4".
	UserAgent string
	// MaxWait bounds how long a call waits in all when the server asks to come
	// back later (Retry-After); 0 means 30 s, a negative one not at all.
	MaxWait time.Duration
}

// API is the management API as one caller sees it. It may be used by several
// goroutines.
type API struct {
	base       string
	credential Credential
	http       *http.Client
	agent      string
	maxWait    time.Duration

	keys struct {
		sync.Mutex
		path string
	}
}

const userAgent = "gatehouse-go"

// New returns the API, and asks nothing of the server yet.
func New(c Config) (*API, error) {
	base, err := baseURL(c.URL)
	if err != nil {
		return nil, err
	}
	if c.Credential == nil {
		return nil, errors.New("client: Config.Credential is required, such as client.APIKey(…)")
	}
	a := &API{base: base, credential: c.Credential, http: withoutRedirects(c.HTTP), agent: userAgent, maxWait: c.MaxWait}
	if c.UserAgent != "" {
		a.agent = c.UserAgent + " " + userAgent
	}
	if a.maxWait == 0 {
		a.maxWait = 30 * time.Second
	}
	return a, nil
}

// baseURL checks that credentials may be sent there.
func baseURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("client: the URL must be one such as https://api.example.com") // it is not told: it may hold a password
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return "", errors.New("client: the URL must be https, or http on this machine: a credential would be sent in the clear")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// withoutRedirects is the client, following none: a credential goes where it
// was meant to go.
func withoutRedirects(given *http.Client) *http.Client {
	c := http.Client{Timeout: 30 * time.Second}
	if given != nil {
		c = *given
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

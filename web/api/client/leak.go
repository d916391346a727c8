package client

import "context"

// LeakReport says that a key was seen where it should not be.
type LeakReport struct {
	// Key is the whole text of the key. Required.
	Key Secret `json:"key"`
	// URL is where it was seen.
	URL string `json:"url,omitempty"`
}

// ReportLeak reports a key that leaked, of whichever workspace, and says whether
// the server knows it. Its people are told, and what the server does about leaked
// keys is done.
//
//	POST /v1/leaks/report
func (a *API) ReportLeak(ctx context.Context, body LeakReport, options ...Option) (known bool, err error) {
	said, err := ask[struct {
		Known bool `json:"known"`
	}](ctx, a, call{method: "POST", path: "/v1/leaks/report", body: body}, options)
	if err != nil {
		return false, err
	}
	return said.Known, nil
}

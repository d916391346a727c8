package leakreport

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Report says that a text was seen somewhere.
type Report struct {
	Token authz.Secret
	// Type is what the sender calls such texts; it is sent back.
	Type string
	// URL is where, if the sender says so.
	URL string
}

// MaxPartner bounds the reports in one request of a partner.
const MaxPartner = 500

// The longest members that are looked at, in bytes.
const (
	maxToken = 1 << 10
	maxType  = 128
)

var (
	errForm = authz.NewError(authz.Invalid, "invalid_request", `The body must be {"key": …, "url": …}; url may be left out.`)
	errList = authz.NewError(authz.Invalid, "invalid_request", "The body must be a list of 1 to 500 objects with token, type and url.")
)

// Parse reads the report of somebody who holds a key.
func Parse(body []byte) (Report, error) {
	var in struct {
		Key string `json:"key"`
		URL string `json:"url"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil || !ended(d) || in.Key == "" || len(in.Key) > maxToken {
		return Report{}, errForm // the decoder's own error would quote the key
	}
	return Report{Token: authz.Secret(in.Key), URL: in.URL}, nil
}

// ParsePartner reads the reports of a partner. Members it does not know are
// passed over: the format grows.
func ParsePartner(body []byte) ([]Report, error) {
	var in []struct {
		Token string `json:"token"`
		Type  string `json:"type"`
		URL   string `json:"url"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&in); err != nil || !ended(d) || len(in) == 0 || len(in) > MaxPartner {
		return nil, errList
	}
	reports := make([]Report, len(in))
	for i, r := range in {
		if r.Token == "" || len(r.Token) > maxToken || len(r.Type) > maxType {
			return nil, errList
		}
		reports[i] = Report{Token: authz.Secret(r.Token), Type: r.Type, URL: r.URL}
	}
	return reports, nil
}

// ended reports whether nothing but space follows.
func ended(d *json.Decoder) bool {
	_, err := d.Token()
	return errors.Is(err, io.EOF)
}

package proof

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/gatehouse-auth/gatehouse/authz/strict"
)

// signed is what JSON is held to that strangers sign.
var signed = strict.Rules{Depth: 16} //nolint:gochecknoglobals // a constant

// unmarshal is json.Unmarshal for what strangers sign: one object, in which no
// member occurs twice, as two readers could believe different ones (RFC 8725
// section 2.8).
func unmarshal(raw []byte, v any) error {
	if !bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{")) {
		return errors.New("not a JSON object")
	}
	if err := signed.Check(raw); err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return errors.New("a member is of the wrong type") // the cause might quote it
	}
	return nil
}

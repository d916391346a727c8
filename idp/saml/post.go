package saml

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// maxMessage is what a message may have in bytes, once decoded.
const maxMessage = 256 << 10

// form encodes a message for the POST binding (SAML Bindings section 3.5.4).
func form(action, name string, raw []byte, relayState string) idp.Form {
	fields := map[string]string{name: base64.StdEncoding.EncodeToString(raw)}
	if relayState != "" {
		fields["RelayState"] = relayState
	}
	return idp.Form{Action: action, Fields: fields}
}

// posted returns the message of a callback that belongs to its sign-in.
func posted(callback idp.Callback) ([]byte, error) {
	if _, there := callback.Params["SAMLart"]; there {
		return nil, refuse(ReasonArtifact, errors.New("an artifact instead of a message"))
	}
	if len(callback.Params["SAMLResponse"]) != 1 || len(callback.Params["RelayState"]) > 1 || len(callback.Params["SAMLRequest"]) > 0 {
		return nil, refuse(ReasonForm, errors.New("not one SAMLResponse and at most one RelayState"))
	}
	relayState := callback.Params.Get("RelayState")
	if callback.State != "" && subtle.ConstantTimeCompare([]byte(relayState), []byte(callback.State)) != 1 {
		return nil, refuse(ReasonRelayState, errors.New("another sign-in's RelayState"))
	}
	return unbase64(callback.Params.Get("SAMLResponse"))
}

// unbase64 decodes a message within its bounds; lines may be broken.
func unbase64(encoded string) ([]byte, error) {
	if len(encoded) > idp.MaxForm {
		return nil, refuse(ReasonTooLarge, fmt.Errorf("more than %d bytes", idp.MaxForm))
	}
	encoded = strings.NewReplacer("\r", "", "\n", "", " ", "", "\t", "").Replace(encoded)
	if base64.StdEncoding.DecodedLen(len(encoded)) > maxMessage+2 {
		return nil, refuse(ReasonTooLarge, fmt.Errorf("more than %d bytes decoded", maxMessage))
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, refuse(ReasonEncoding, errors.New("not base64"))
	}
	return raw, nil
}

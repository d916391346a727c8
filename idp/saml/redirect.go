package saml

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

const (
	rsaSHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	maxQuery  = 64 << 10
)

// redirect encodes a message for the Redirect binding (SAML Bindings section
// 3.4.4). The signature is over the encoded parameters alone, not over what the
// provider's own address has in its query.
func (c *Connector) redirect(location, name string, raw []byte, relayState string, signed bool) (string, error) {
	target, err := url.Parse(location)
	if err != nil {
		return "", errors.New("an address of the provider is no URL")
	}
	query := name + "=" + url.QueryEscape(base64.StdEncoding.EncodeToString(deflate(raw)))
	if relayState != "" {
		query += "&RelayState=" + url.QueryEscape(relayState)
	}
	if signed {
		if query, err = c.signQuery(query); err != nil {
			return "", err
		}
	}
	if target.RawQuery != "" {
		query = target.RawQuery + "&" + query
	}
	target.RawQuery = query
	return target.String(), nil
}

func (c *Connector) signQuery(query string) (string, error) {
	if len(c.config.Keys) == 0 {
		return "", errors.New("saml: no key to sign with")
	}
	query += "&SigAlg=" + url.QueryEscape(rsaSHA256)
	digest := sha256.Sum256([]byte(query))
	signature, err := c.config.Keys[0].Signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("saml: signing a query: %w", err)
	}
	return query + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature)), nil
}

func deflate(raw []byte) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.BestCompression) // fails for unknown levels only
	_, _ = w.Write(raw)                                  // into memory
	_ = w.Close()
	return out.Bytes()
}

// inflate refuses to grow beyond a message's bound.
func inflate(packed []byte) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxMessage+1))
	if err != nil {
		return nil, refuse(ReasonEncoding, errors.New("not DEFLATE"))
	}
	if len(raw) > maxMessage {
		return nil, refuse(ReasonTooLarge, fmt.Errorf("more than %d bytes inflated", maxMessage))
	}
	return raw, nil
}

// query are the parameters of a message by redirect, as they were sent: the
// signature is over these very octets, and re-encoding would change them.
type query struct{ name, message, relayState, signature, algorithm, signed string }

// parseQuery reads a raw query in which each parameter is there once.
func parseQuery(raw string) (query, error) {
	if len(raw) > maxQuery {
		return query{}, refuse(ReasonTooLarge, fmt.Errorf("a query of more than %d bytes", maxQuery))
	}
	sent := map[string]string{}
	for part := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(part, "=")
		switch name {
		case "SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature":
		default:
			// A name in disguise would be one thing to us and another to others.
			if plainName, err := url.QueryUnescape(name); err != nil || plainName != name {
				return query{}, refuse(ReasonForm, errors.New("an encoded parameter name"))
			}
			continue
		}
		if _, twice := sent[name]; twice {
			return query{}, refuse(ReasonForm, errors.New("a parameter appears twice"))
		}
		sent[name] = part
	}
	q := query{name: "SAMLRequest"}
	if _, ok := sent["SAMLResponse"]; ok {
		q.name = "SAMLResponse"
	}
	if (sent["SAMLRequest"] == "") == (sent["SAMLResponse"] == "") {
		return query{}, refuse(ReasonForm, errors.New("not one message"))
	}
	if sent["Signature"] == "" || sent["SigAlg"] == "" {
		return query{}, refuse(ReasonUnsigned, errors.New("a query without signature"))
	}
	q.signed = sent[q.name]
	for _, name := range []string{"RelayState", "SigAlg"} {
		if part, ok := sent[name]; ok {
			q.signed += "&" + part
		}
	}
	return q, q.decode(sent)
}

func (q *query) decode(sent map[string]string) error {
	for name, into := range map[string]*string{
		q.name: &q.message, "RelayState": &q.relayState, "SigAlg": &q.algorithm, "Signature": &q.signature,
	} {
		_, value, _ := strings.Cut(sent[name], "=")
		plainValue, err := url.QueryUnescape(value)
		if err != nil {
			return refuse(ReasonEncoding, errors.New("a parameter that is not URL encoded"))
		}
		*into = plainValue
	}
	return nil
}

// verifyQuery demands a signature over the octets by one of the certificates.
func (t trust) verifyQuery(q query) error {
	_, hash, _ := strings.Cut(q.algorithm, "-sha")
	h := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[hash]
	if !signatureAlgorithms[q.algorithm] || h == 0 {
		return refuse(ReasonAlgorithm, errors.New("a signature algorithm that is not allowed"))
	}
	signature, err := base64.StdEncoding.DecodeString(q.signature)
	if err != nil {
		return refuse(ReasonEncoding, errors.New("a signature that is not base64"))
	}
	digest := h.New()
	digest.Write([]byte(q.signed))
	for _, certificate := range t.certificates {
		if verifies(certificate, q.algorithm, h, digest.Sum(nil), signature) {
			return t.valid(certificate)
		}
	}
	return refuse(ReasonSignature, errors.New("no certificate of the connection made the signature"))
}

func verifies(certificate *x509.Certificate, algorithm string, h crypto.Hash, digest, signature []byte) bool {
	switch key := certificate.PublicKey.(type) {
	case *rsa.PublicKey:
		return strings.Contains(algorithm, "#rsa-") && rsa.VerifyPKCS1v15(key, h, digest, signature) == nil
	case *ecdsa.PublicKey:
		if der, ok := derECDSA(signature); ok {
			signature = der
		}
		return strings.Contains(algorithm, "#ecdsa-") && ecdsa.VerifyASN1(key, digest, signature)
	}
	return false
}

package saml

import (
	"errors"
	"time"

	"github.com/beevik/etree"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// opened is a response whose signatures hold.
type opened struct {
	raw       []byte // as it came
	clear     []byte // the assertion in clear, if it was encrypted
	signed    []byte // the bytes that were signed and hold the assertion
	assertion assertion
}

// open takes a response apart in the order that gives a stranger least to work
// with: scan, envelope, signature, and only then decryption and the assertion.
func (c *Connector) open(raw []byte, request string, now time.Time) (opened, error) {
	out := opened{raw: raw}
	facts, err := scanMessage(raw, nameResponse)
	if err != nil {
		return out, err
	}
	var envelope response
	if err := read(raw, &envelope); err != nil {
		return out, err
	}
	if err := c.envelope(envelope, facts, request, now); err != nil {
		return out, err
	}
	if !facts.signedRoot && facts.encrypted && !c.config.OpenCipher {
		return out, refuse(ReasonOpenCipher, errors.New("an encrypted assertion in a response that is not signed"))
	}
	if !facts.signedRoot && !facts.signedAssertion && !facts.encrypted {
		return out, refuse(ReasonUnsigned, errors.New("neither response nor assertion is signed"))
	}
	root, err := parse(raw)
	if err != nil {
		return out, err
	}
	t := c.trust(now)
	if facts.signedRoot {
		// From here on the response is what was signed, nothing else.
		if out.signed, err = t.signed(root); err != nil {
			return out, err
		}
		if root, err = parse(out.signed); err != nil {
			return out, err
		}
		envelope = response{}
		if err := read(out.signed, &envelope); err != nil {
			return out, err
		}
		if err := c.envelope(envelope, facts, request, now); err != nil {
			return out, err
		}
	}
	el := child(root, nsAssertion, "Assertion")
	if facts.encrypted {
		if el, facts.signedAssertion, err = c.unseal(envelope, &out); err != nil {
			return out, err
		}
	}
	return out, c.trusted(&out, t, el, facts)
}

// unseal decrypts the assertion, and scans what comes out as what came in.
func (c *Connector) unseal(envelope response, out *opened) (el *etree.Element, signed bool, err error) {
	if len(envelope.Encrypted) != 1 {
		return nil, false, refuse(ReasonAssertions, errors.New("not one encrypted assertion"))
	}
	if out.clear, err = envelope.Encrypted[0].decrypt(c.config.decrypters()); err != nil {
		return nil, false, err
	}
	inner, err := scanMessage(out.clear, nameAssertion)
	if idp.ReasonOf(err) == ReasonXML {
		// Bad padding now and then looks good: what comes out must not tell.
		return nil, false, refuse(ReasonDecrypt, errDecrypt)
	}
	if err != nil {
		return nil, false, err
	}
	el, err = parse(out.clear)
	return el, inner.signedRoot, err
}

// trusted reads the assertion from signed bytes: its own if it is signed,
// else the response's.
func (c *Connector) trusted(out *opened, t trust, el *etree.Element, f facts) error {
	switch {
	case el == nil:
		return refuse(ReasonAssertions, errors.New("no assertion"))
	case f.signedAssertion:
		raw, err := t.signed(el)
		if err != nil {
			return err
		}
		out.signed = raw
	case !f.signedRoot:
		return refuse(ReasonUnsigned, errors.New("neither response nor assertion is signed"))
	case f.encrypted:
		out.signed = out.clear // its ciphertext was signed
	default:
		el, err := detached(el)
		if err != nil {
			return err
		}
		doc := etree.NewDocument()
		doc.SetRoot(el)
		if out.signed, err = doc.WriteToBytes(); err != nil {
			return refuse(ReasonXML, errors.New("writing what was signed"))
		}
	}
	return read(out.signed, &out.assertion)
}

func (c *Connector) trust(now time.Time) trust {
	return trust{certificates: c.config.IDP.Certificates, now: now, expiredUntil: c.config.ExpiredUntil}
}

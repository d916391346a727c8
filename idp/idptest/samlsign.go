package idptest

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"net/url"
	"strings"
)

const signatureNames = "http://www.w3.org/2000/09/xmldsig#"

// sign adds an enveloped signature after the Issuer of an element in canonical
// form (XML Signature 1.1, exclusive canonicalisation).
func (a SAMLAnswer) sign(text, id string) string {
	signature := element("ds:Signature", attrs("xmlns:ds", signatureNames), a.signatureOf(text, id)...)
	if before, after, ok := strings.Cut(text, "</saml:Issuer>"); ok {
		return before + "</saml:Issuer>" + signature + after
	}
	end := strings.Index(text, ">") + 1
	return text[:end] + signature + text[end:]
}

// signatureOf returns the parts of a signature over a text.
func (a SAMLAnswer) signatureOf(text, id string) []string {
	info := func(namespace string) string {
		const exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
		return element("ds:SignedInfo", namespace,
			element("ds:CanonicalizationMethod", attrs("Algorithm", exclusive)),
			element("ds:SignatureMethod", attrs("Algorithm", a.Signature)),
			element("ds:Reference", attrs("URI", "#"+id),
				element("ds:Transforms", "", element("ds:Transform", attrs("Algorithm", signatureNames+"enveloped-signature")), element("ds:Transform", attrs("Algorithm", exclusive))),
				element("ds:DigestMethod", attrs("Algorithm", a.Digest)),
				element("ds:DigestValue", "", encode(sum(a.Digest, []byte(text))))))
	}
	value := a.Key.signature(a.Signature, []byte(info(attrs("xmlns:ds", signatureNames))))
	certificate := element("ds:KeyInfo", "", element("ds:X509Data", "", element("ds:X509Certificate", "", encode(a.Key.Certificate.Raw))))
	return []string{info(""), element("ds:SignatureValue", "", encode(value)), certificate}
}

// signature signs by an algorithm's name; ECDSA as r and s beside each other.
func (k *SAMLKey) signature(algorithm string, message []byte) []byte {
	digest := sum(algorithm, message)
	switch key := k.Signer.(type) {
	case *rsa.PrivateKey:
		if strings.Contains(algorithm, "hmac") {
			mac := hmac.New(sha256.New, k.Certificate.Raw)
			mac.Write(message)
			return mac.Sum(nil)
		}
		out, err := rsa.SignPKCS1v15(rand.Reader, key, hashOf(algorithm), digest)
		if err != nil {
			panic("idptest: signing: " + err.Error())
		}
		return out
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, digest)
		if err != nil {
			panic("idptest: signing: " + err.Error())
		}
		out := make([]byte, 64)
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return out
	}
	panic("idptest: unknown key")
}

func hashOf(algorithm string) crypto.Hash {
	switch {
	case strings.HasSuffix(algorithm, "sha1"):
		return crypto.SHA1
	case strings.HasSuffix(algorithm, "sha384"):
		return crypto.SHA384
	case strings.HasSuffix(algorithm, "sha512"):
		return crypto.SHA512
	}
	return crypto.SHA256
}

func sum(algorithm string, message []byte) []byte {
	h := hashOf(algorithm).New()
	h.Write(message)
	return h.Sum(nil)
}

func encode(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }

// encrypt wraps an assertion for the service provider (XML Encryption 1.1).
func (p *SAML) encrypt(a SAMLAnswer, assertion string) string {
	key := make([]byte, map[string]int{"128": 16, "192": 24}[digits(a.Encrypt)])
	if len(key) == 0 {
		key = make([]byte, 32)
	}
	_, _ = rand.Read(key)
	wrapped, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, p.config.Encrypt.PublicKey.(*rsa.PublicKey), key, nil)
	if err != nil {
		panic("idptest: encrypting: " + err.Error())
	}
	const xenc = "http://www.w3.org/2001/04/xmlenc#"
	return element("saml:EncryptedAssertion", attrs("xmlns:saml", samlNames+"assertion"),
		element("xenc:EncryptedData", attrs("xmlns:xenc", xenc, "Type", xenc+"Element"),
			element("xenc:EncryptionMethod", attrs("Algorithm", a.Encrypt)),
			element("ds:KeyInfo", attrs("xmlns:ds", signatureNames),
				element("xenc:EncryptedKey", "",
					element("xenc:EncryptionMethod", attrs("Algorithm", a.KeyTransport), element("ds:DigestMethod", attrs("Algorithm", signatureNames+"sha1"))),
					element("xenc:CipherData", "", element("xenc:CipherValue", "", encode(wrapped))))),
			element("xenc:CipherData", "", element("xenc:CipherValue", "", encode(seal(a.Encrypt, key, []byte(assertion)))))))
}

func digits(algorithm string) string {
	for _, bits := range []string{"128", "192"} {
		if strings.Contains(algorithm, bits) {
			return bits
		}
	}
	return "256"
}

func seal(algorithm string, key, text []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("idptest: encrypting: " + err.Error())
	}
	if strings.HasSuffix(algorithm, "gcm") {
		gcm, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			panic("idptest: encrypting: " + err.Error())
		}
		return gcm.Seal(nil, nil, text, nil)
	}
	padding := aes.BlockSize - len(text)%aes.BlockSize
	padded := append(append([]byte{}, text...), make([]byte, padding)...)
	padded[len(padded)-1] = byte(padding)
	out := make([]byte, aes.BlockSize+len(padded))
	_, _ = rand.Read(out[:aes.BlockSize])
	cipher.NewCBCEncrypter(block, out[:aes.BlockSize]).CryptBlocks(out[aes.BlockSize:], padded)
	return out
}

// SignElement signs an element in canonical form as an answer's are.
func (p *SAML) SignElement(text, id string) string {
	return p.Answer(SAMLRequest{}).sign(text, id)
}

// SignQuery signs a raw query for the Redirect binding (SAML Bindings section
// 3.4.4.1).
func (p *SAML) SignQuery(query string) string {
	const algorithm = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	query += "&SigAlg=" + url.QueryEscape(algorithm)
	return query + "&Signature=" + url.QueryEscape(encode(p.config.Key.signature(algorithm, []byte(query))))
}

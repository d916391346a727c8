package saml

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	_ "crypto/sha1" // OAEP's default hash (RFC 8017 section 7.1), which need not resist collisions
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"errors"
	"strings"

	"crypto/rsa"
)

// maxKeys bounds the encrypted keys that are tried: one for each recipient.
const maxKeys = 4

// encryptedAssertion holds the data and its key, which stands inside the data's
// KeyInfo or beside the data (XML Encryption 1.1 section 3.5).
type encryptedAssertion struct {
	Data []encryptedData `xml:"http://www.w3.org/2001/04/xmlenc# EncryptedData"`
	Keys []encryptedKey  `xml:"http://www.w3.org/2001/04/xmlenc# EncryptedKey"`
}

type encryptedData struct {
	Method  []encryptionMethod `xml:"http://www.w3.org/2001/04/xmlenc# EncryptionMethod"`
	KeyInfo []struct {
		Keys []encryptedKey `xml:"http://www.w3.org/2001/04/xmlenc# EncryptedKey"`
	} `xml:"http://www.w3.org/2000/09/xmldsig# KeyInfo"`
	Cipher []cipherData `xml:"http://www.w3.org/2001/04/xmlenc# CipherData"`
}

type encryptedKey struct {
	Method []encryptionMethod `xml:"http://www.w3.org/2001/04/xmlenc# EncryptionMethod"`
	Cipher []cipherData       `xml:"http://www.w3.org/2001/04/xmlenc# CipherData"`
}

type encryptionMethod struct {
	Algorithm string        `xml:"Algorithm,attr"`
	Digest    []algorithmOf `xml:"http://www.w3.org/2000/09/xmldsig# DigestMethod"`
	Mask      []algorithmOf `xml:"http://www.w3.org/2009/xmlenc11# MGF"`
	Label     []text        `xml:"http://www.w3.org/2001/04/xmlenc# OAEPparams"`
}

type algorithmOf struct {
	Algorithm string `xml:"Algorithm,attr"`
}

type cipherData struct {
	Value []text `xml:"http://www.w3.org/2001/04/xmlenc# CipherValue"`
}

// errDecrypt is all that is ever said of a failure to decrypt: what failed,
// the key, the padding or the tag, is what an oracle is made of.
var errDecrypt = errors.New("the assertion could not be decrypted")

// decrypt returns the assertion in clear, by the first of our keys that opens it.
func (e encryptedAssertion) decrypt(keys []crypto.Decrypter) ([]byte, error) {
	if len(e.Data) != 1 || len(e.Data[0].Method) != 1 {
		return nil, refuse(ReasonDecrypt, errDecrypt)
	}
	data := e.Data[0]
	wrapped := e.Keys
	for _, info := range data.KeyInfo {
		wrapped = append(wrapped, info.Keys...)
	}
	sealed, ok := octets(data.Cipher)
	if !ok || len(wrapped) > maxKeys {
		return nil, refuse(ReasonDecrypt, errDecrypt)
	}
	for _, w := range wrapped {
		for _, key := range keys {
			secret, ok := w.unwrap(key)
			if !ok {
				continue
			}
			if clear, ok := open(data.Method[0].Algorithm, secret, sealed); ok {
				return clear, nil
			}
		}
	}
	return nil, refuse(ReasonDecrypt, errDecrypt)
}

// unwrap recovers a content key (XML Encryption 1.1 section 5.5.2).
func (k encryptedKey) unwrap(key crypto.Decrypter) ([]byte, bool) {
	if len(k.Method) != 1 || len(k.Method[0].Label) > 0 {
		return nil, false
	}
	method := k.Method[0]
	options := &rsa.OAEPOptions{Hash: crypto.SHA1, MGFHash: crypto.SHA1}
	if len(method.Digest) > 0 {
		options.Hash = hashes[method.Digest[0].Algorithm]
	}
	if method.Algorithm == nsCipher11+"rsa-oaep" && len(method.Mask) > 0 {
		options.MGFHash = hashes[method.Mask[0].Algorithm]
	}
	wrapped, ok := octets(k.Cipher)
	if !ok || options.Hash == 0 || options.MGFHash == 0 || !keyAlgorithms[method.Algorithm] {
		return nil, false
	}
	secret, err := key.Decrypt(nil, wrapped, options)
	return secret, err == nil
}

var hashes = map[string]crypto.Hash{
	"http://www.w3.org/2000/09/xmldsig#sha1":        crypto.SHA1,
	"http://www.w3.org/2001/04/xmlenc#sha256":       crypto.SHA256,
	"http://www.w3.org/2001/04/xmldsig-more#sha384": crypto.SHA384,
	"http://www.w3.org/2001/04/xmlenc#sha512":       crypto.SHA512,
	nsCipher11 + "mgf1sha1":                         crypto.SHA1,
	nsCipher11 + "mgf1sha256":                       crypto.SHA256,
	nsCipher11 + "mgf1sha384":                       crypto.SHA384,
	nsCipher11 + "mgf1sha512":                       crypto.SHA512,
}

// open decrypts with AES-GCM or AES-CBC (XML Encryption 1.1 sections 5.2.2,
// 5.2.4).
func open(algorithm string, secret, sealed []byte) ([]byte, bool) {
	bits, mode, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(algorithm, nsCipher11), nsCipher), "-")
	if len(secret) != map[string]int{"aes128": 16, "aes192": 24, "aes256": 32}[bits] {
		return nil, false
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, false
	}
	if mode == "gcm" {
		return openGCM(block, sealed)
	}
	return openCBC(block, sealed)
}

func openGCM(block cipher.Block, sealed []byte) ([]byte, bool) {
	gcm, err := cipher.NewGCM(block)
	if err != nil || len(sealed) < gcm.NonceSize() {
		return nil, false
	}
	clear, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], nil)
	return clear, err == nil
}

func openCBC(block cipher.Block, sealed []byte) ([]byte, bool) {
	if len(sealed)%aes.BlockSize != 0 || len(sealed) < 2*aes.BlockSize {
		return nil, false
	}
	clear := make([]byte, len(sealed)-aes.BlockSize)
	cipher.NewCBCDecrypter(block, sealed[:aes.BlockSize]).CryptBlocks(clear, sealed[aes.BlockSize:])
	padding := int(clear[len(clear)-1])
	if padding < 1 || padding > aes.BlockSize {
		return nil, false
	}
	return clear[:len(clear)-padding], true
}

// octets decodes the one cipher value.
func octets(data []cipherData) ([]byte, bool) {
	if len(data) != 1 {
		return nil, false
	}
	value, ok := only(data[0].Value)
	if !ok {
		return nil, false
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(value), ""))
	return raw, err == nil && len(raw) > 0
}

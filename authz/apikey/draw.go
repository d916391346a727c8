package apikey

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxDraws bounds the search for an alphanumeric text. One draw in eight is
// one; that a thousand in a row are not has a chance of 1 in 10⁶⁰.
const maxDraws = 1000

// draw makes the text of a new key.
func draw(brand string, env authz.Environment, tagKey []byte) (authz.Secret, Text, error) {
	prefix := brand + "_" + string(env) + "_"
	for range maxDraws {
		text := authz.Secret(prefix + compose(prefix, tagKey))
		if parsed, err := Parse(text); err == nil {
			return text, parsed, nil
		}
	}
	return "", Text{}, errors.New("apikey: no alphanumeric text was drawn")
}

func compose(prefix string, tagKey []byte) string {
	var raw [rawLength]byte
	raw[0] = version
	_, _ = rand.Read(raw[1:tagStart]) // never fails since Go 1.24
	mark := tag(tagKey, prefix, raw[:tagStart])
	copy(raw[tagStart:crcStart], mark[:])
	binary.BigEndian.PutUint32(raw[crcStart:], checksum(prefix, raw[:crcStart]))
	return base64.StdEncoding.EncodeToString(raw[:])
}

// tag ends where the prefix's underscore meets 40 bytes of known length, so no
// two pairs of prefix and bytes share an input.
func tag(key []byte, prefix string, raw []byte) [crcStart - tagStart]byte {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(prefix))
	_, _ = mac.Write(raw)
	return [crcStart - tagStart]byte(mac.Sum(nil))
}

// Tagged reports whether the text was made under one of the tag keys. It looks
// at every key, so that its time does not tell which one it was.
func (t Text) Tagged(tagKeys [][]byte) bool {
	found := false
	for _, key := range tagKeys {
		mark := tag(key, t.prefix, t.raw[:tagStart])
		if hmac.Equal(mark[:], t.raw[tagStart:crcStart]) {
			found = true
		}
	}
	return found
}

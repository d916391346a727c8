package secret

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	saltSize = 16 // bytes (RFC 9106 section 3.1)
	hashSize = 32 // bytes
	maxPHC   = 256
	// argonVersion is 0x13, the version RFC 9106 describes.
	argonVersion = "v=19"
)

// phc is a stored hash in the PHC string format:
//
//	$argon2id$v=19$m=1024,t=1,p=1,keyid=<root id>$<salt>$<hash>
//
// Salt and hash are base64 without padding. The keyid is the id of the root
// key whose pepper the text went through, as it is.
type phc struct {
	params Params
	keyID  string
	salt   [saltSize]byte
	hash   [hashSize]byte
}

var (
	errPHC    = errors.New("secret: the stored hash is not a PHC string of ours")
	phcBase64 = base64.RawStdEncoding.Strict() //nolint:gochecknoglobals // a constant
)

// String renders the hash for the database.
func (h phc) String() string {
	return fmt.Sprintf("$argon2id$%s$m=%d,t=%d,p=%d,keyid=%s$%s$%s", argonVersion,
		h.params.MemoryKiB, h.params.Passes, h.params.Threads, h.keyID,
		phcBase64.EncodeToString(h.salt[:]), phcBase64.EncodeToString(h.hash[:]))
}

// parsePHC accepts exactly what String renders, within the bounds of Params.
// Its errors never quote the hash.
func parsePHC(s string) (phc, error) {
	if len(s) > maxPHC {
		return phc{}, errPHC
	}
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != argonVersion {
		return phc{}, errPHC
	}
	h, err := parseCosts(parts[3])
	if err != nil {
		return phc{}, err
	}
	salt, saltErr := phcBase64.DecodeString(parts[4])
	hash, hashErr := phcBase64.DecodeString(parts[5])
	if saltErr != nil || hashErr != nil || len(salt) != saltSize || len(hash) != hashSize {
		return phc{}, errPHC
	}
	copy(h.salt[:], salt)
	copy(h.hash[:], hash)
	if h.String() != s { // leading zeros, line breaks inside base64
		return phc{}, errPHC
	}
	return h, nil
}

func parseCosts(s string) (phc, error) {
	fields := strings.Split(s, ",")
	if len(fields) != 4 {
		return phc{}, errPHC
	}
	memory, errM := parseCost(fields[0], "m=", 32)
	passes, errT := parseCost(fields[1], "t=", 32)
	threads, errP := parseCost(fields[2], "p=", 8)
	keyID, named := strings.CutPrefix(fields[3], "keyid=")
	if errM != nil || errT != nil || errP != nil || !named || !validRootID(keyID) {
		return phc{}, errPHC
	}
	p := Params{MemoryKiB: uint32(memory), Passes: uint32(passes), Threads: uint8(threads)}
	if err := p.validate(); err != nil {
		return phc{}, err
	}
	return phc{params: p, keyID: keyID}, nil
}

func parseCost(field, prefix string, bits int) (uint64, error) {
	digits, ok := strings.CutPrefix(field, prefix)
	if !ok {
		return 0, errPHC
	}
	return strconv.ParseUint(digits, 10, bits)
}

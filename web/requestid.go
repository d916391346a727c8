package web

import (
	"crypto/rand"
	"encoding/base32"
	"sync"
)

// requestIDs makes request ids: 80 random bits in 16 letters and digits. The
// randomness is fetched for many at a time, as the fetching costs more than
// the rest.
type requestIDs struct{ blocks sync.Pool }

const (
	requestIDBytes    = 10
	requestIDsInBlock = 50
)

type randomBlock struct {
	bytes [requestIDBytes * requestIDsInBlock]byte
	left  []byte
}

// next returns an id nobody has had.
func (ids *requestIDs) next() string {
	block, ok := ids.blocks.Get().(*randomBlock)
	if !ok {
		block = &randomBlock{}
	}
	if len(block.left) == 0 {
		_, _ = rand.Read(block.bytes[:]) // never fails since Go 1.24
		block.left = block.bytes[:]
	}
	var text [requestIDBytes * 8 / 5]byte
	base32.StdEncoding.Encode(text[:], block.left[:requestIDBytes])
	block.left = block.left[requestIDBytes:]
	ids.blocks.Put(block)
	return string(text[:])
}

package secret

import (
	"errors"
	"fmt"
)

// Bounds of what a hash may cost. A row that asks for more is hostile: it would
// buy memory or time with every attempt.
const (
	maxMemoryKiB = 64 << 10
	minMemoryKiB = 64
	maxPasses    = 16
	maxThreads   = 16

	// minHumanKiB is the least memory OWASP lists for Argon2id.
	minHumanKiB = 7 << 10
)

// Params are the costs of Argon2id (RFC 9106 section 3.1).
type Params struct {
	MemoryKiB uint32 // m, in KiB: 64 to 65,536
	Passes    uint32 // t: 1 to 16
	Threads   uint8  // p: 1 to 16
}

// HumanParams are the costs for texts people choose: 19 MiB, two passes, one
// thread (the OWASP Password Storage Cheat Sheet).
func HumanParams() Params { return Params{MemoryKiB: 19 << 10, Passes: 2, Threads: 1} }

// MachineParams are the costs for texts we generate: 1 MiB, one pass, one thread.
func MachineParams() Params { return Params{MemoryKiB: 1 << 10, Passes: 1, Threads: 1} }

var errParams = errors.New("secret: costs of Argon2id out of bounds")

func (p Params) validate() error {
	switch {
	case p.MemoryKiB < minMemoryKiB || p.MemoryKiB > maxMemoryKiB:
		return fmt.Errorf("%w: memory is %d to %d KiB", errParams, minMemoryKiB, maxMemoryKiB)
	case p.Passes < 1 || p.Passes > maxPasses:
		return fmt.Errorf("%w: 1 to %d passes", errParams, maxPasses)
	case p.Threads < 1 || p.Threads > maxThreads:
		return fmt.Errorf("%w: 1 to %d threads", errParams, maxThreads)
	case p.MemoryKiB < 8*uint32(p.Threads):
		return fmt.Errorf("%w: memory is at least 8 KiB a thread", errParams)
	}
	return nil
}

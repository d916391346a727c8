package credential

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/gatehouse-auth/gatehouse/authz"
)

const cellCount = 1 << 16

// Epochs counts, in this process, how often each node of the graph has moved.
// Nodes share a fixed number of cells: two nodes in one cell cost a needless
// look at the database now and then, never a wrong answer.
type Epochs struct {
	seed  maphash.Seed
	total atomic.Uint64
	cells [cellCount]atomic.Uint32
}

// NewEpochs returns epochs at zero.
func NewEpochs() *Epochs { return &Epochs{seed: maphash.MakeSeed()} }

// Bump records that the nodes moved. It is called after the commit that moved
// them, and before anyone is told of it.
//
// The total goes first: a reader that still sees the old total took its facts
// from the database before the commit became visible to it, and will find the
// cells moved.
func (e *Epochs) Bump(refs []authz.NodeRef) {
	if len(refs) == 0 {
		return
	}
	e.total.Add(1)
	for _, ref := range refs {
		if ref.Kind == authz.EverythingNode {
			e.BumpAll()
			return
		}
		e.cells[e.cell(ref)].Add(1)
	}
}

// BumpAll voids everything, for when it is unknown what moved.
func (e *Epochs) BumpAll() {
	e.total.Add(1)
	for i := range e.cells {
		e.cells[i].Add(1)
	}
}

func (e *Epochs) cell(ref authz.NodeRef) uint16 {
	return uint16(maphash.String(e.seed, ref.ID)) //nolint:gosec // truncation picks the cell
}

// A mark is the total at some moment.
type mark uint64

// mark is taken before facts are read from the database.
func (e *Epochs) mark() mark { return mark(e.total.Load()) }

// stamp is the state of up to maxRefs cells.
type stamp struct {
	n     uint8
	cells [maxRefs]uint16
	seen  [maxRefs]uint32
}

// maxRefs is one more than any credential has: eight ancestors, its grant and
// the token itself.
const maxRefs = 11

// stampSince stamps the nodes as they stand. It fails when anything moved
// since the mark, or the nodes are too many: then the facts may be used once
// but not kept.
func (e *Epochs) stampSince(m mark, refs []authz.NodeRef) (stamp, bool) {
	var s stamp
	if len(refs) > maxRefs {
		return s, false
	}
	for i, ref := range refs {
		s.cells[i] = e.cell(ref)
		s.seen[i] = e.cells[s.cells[i]].Load()
	}
	s.n = uint8(len(refs)) //nolint:gosec // at most maxRefs
	return s, e.mark() == m
}

// current reports whether none of the stamp's cells moved.
func (e *Epochs) current(s *stamp) bool {
	for i := range s.n {
		if e.cells[s.cells[i]].Load() != s.seen[i] {
			return false
		}
	}
	return true
}

package main

import (
	"math/bits"
	"time"
)

// histogram counts durations in 64 buckets for each power of two nanoseconds:
// any quantile is within 1.6 % of the truth, in fixed memory.
type histogram struct {
	buckets [59 * 64]uint64
	count   uint64
}

func (h *histogram) add(d time.Duration) {
	h.buckets[bucket(uint64(max(d, 0)))]++
	h.count++
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
	h.count += other.count
}

// quantile returns the duration a share q of all durations do not exceed, and
// 0 if there are none.
func (h *histogram) quantile(q float64) time.Duration {
	rank := max(1, uint64(q*float64(h.count)+0.5))
	var seen uint64
	for i, n := range h.buckets {
		if seen += n; n > 0 && seen >= rank {
			return middle(i)
		}
	}
	return 0
}

// bucket numbers: below 64 ns one each, above that the power of two and the
// six bits after the leading one.
func bucket(ns uint64) int {
	if ns < 64 {
		return int(ns)
	}
	shift := bits.Len64(ns) - 7
	return shift*64 + int(ns>>shift)
}

func middle(bucket int) time.Duration {
	if bucket < 128 {
		return time.Duration(bucket)
	}
	shift := bucket/64 - 1
	low := uint64(bucket%64+64) << shift
	return time.Duration(low + uint64(1)<<shift/2)
}

// Package ratelimit bounds how often something may happen: GCRA, the generic
// cell rate algorithm, which remembers one instant per key.
//
// A key may come Burst times at once and then PerSecond times a second. The
// memory is bounded: when there are too many keys, those that have not used
// anything up lately are forgotten, which costs nothing, and then arbitrary
// ones.
package ratelimit

// Package ratelimit bounds how often something may happen, in two ways.
//
// A Limiter is GCRA, the generic cell rate algorithm, which remembers one
// instant per key: a key may come Burst times at once and then PerSecond times
// a second. A Window is an exact sliding log, for limits that are promised to
// customers: no stretch of its length ever holds more uses than the limit.
// Package shared keeps the same window for several nodes.
//
// The memory of both is bounded: when there are too many keys, those that used
// nothing up lately are forgotten, which costs nothing, and then arbitrary ones.
package ratelimit

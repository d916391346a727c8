// Package leakreport reads reports of leaked API keys: those of anybody who
// holds one, and those that GitHub sends its secret scanning partners, which it
// signs with ECDSA over P-256 (docs.github.com, "Secret scanning partner
// program"). Whether a report is true is not decided here.
package leakreport

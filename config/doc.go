// Package config turns a YAML file and GATEHOUSE_* environment variables into
// one checked Config.
//
// Load works in five steps, and reports the problems of all of them together:
//
//  1. start from the built-in defaults;
//  2. lay the file over them, each issuer over its profile (profiles/*.yaml),
//     value by value; lists replace, maps merge;
//  3. lay the environment over that: issuers[0].tokens.access_ttl is
//     GATEHOUSE_ISSUERS_0_TOKENS_ACCESS_TTL;
//  4. fetch secrets from files and from ${env:NAME};
//  5. Validate.
//
// A key or a GATEHOUSE_* variable that names no setting is a problem, never
// ignored. Lists in the environment are separated by commas, maps are
// name=value pairs separated by commas, and lists of blocks are indexed from 0.
// Relative paths are relative to the working directory.
//
// The package imports nothing else of this module, so that anything may be
// configured by it without a cycle; the caller converts.
package config

//go:generate go run ./internal/schemagen

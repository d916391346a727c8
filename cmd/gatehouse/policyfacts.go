package main

import (
	"strconv"
	"strings"
)

// kinds of facts that are no text, by their name in the API.
var (
	listFacts   = map[string]bool{"groups": true, "roles": true}
	numberFacts = map[string]bool{"mfa_age": true, "auth_age": true}
	boolFacts   = map[string]bool{"groups_unknown": true, "fallback_in_use": true}
)

// factsOf reads NAME=VALUE pairs.
func factsOf(pairs []string) (map[string]any, error) {
	facts := map[string]any{}
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, usagef("--fact must be NAME=VALUE")
		}
		switch {
		case listFacts[name]:
			facts[name] = strings.Split(value, ",")
		case numberFacts[name]:
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return nil, usagef("--fact %s must be a number of seconds", name)
			}
			facts[name] = n
		case boolFacts[name]:
			b, err := strconv.ParseBool(value)
			if err != nil {
				return nil, usagef("--fact %s must be true or false", name)
			}
			facts[name] = b
		default:
			facts[name] = value
		}
	}
	return facts, nil
}

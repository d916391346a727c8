package config

import "time"

// ConditionalAccess is what the rules of workspaces are decided with.
type ConditionalAccess struct {
	// A table that says where addresses are, read at the start: one block on each
	// line, such as 203.0.113.0/24,DE. Empty for none: every region is unknown.
	RegionsFile string `yaml:"regions_file"`
	// How long decisions are kept, to be explained and replayed. They hold
	// addresses and groups of people.
	DecisionRetention time.Duration `yaml:"decision_retention"`
}

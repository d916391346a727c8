// Package deliverytest stands in for the stores of secrets that texts of keys are
// brought to: the part of their published interfaces that is used, held to
// strictly. What the real ones refuse is refused; what they do not know, too.
package deliverytest

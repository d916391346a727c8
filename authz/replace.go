package authz

// Replace puts what somebody decided in the place of what was; nil leaves it as
// it is.
func Replace[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

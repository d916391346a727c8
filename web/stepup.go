package web

import "github.com/gatehouse-auth/gatehouse/authz"

// demand refuses a sign-in that is too weak or too old for an operation (RFC
// 9470): the answer says which one would do.
func (s *site) demand(operation string, by authz.Principal) error {
	if s.Demands == nil {
		return nil
	}
	return s.Demands(operation).Check(by, s.clock.Now())
}

package oauth_test

import (
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// RFC 6749 section 5.2: a request that lacks a required parameter is malformed;
// nothing was presented that a grant could be missing of.
func TestRFC6749_5_2_WhatPresentsNothingIsMalformed(t *testing.T) {
	h, tv := deviceHouse(t)
	for grant, c := range map[string]authz.Client{
		authz.GrantAuthorizationCode: h.web, authz.GrantRefreshToken: h.web, authz.GrantDeviceCode: tv,
	} {
		_, err := h.token(h.from(c, "grant_type", grant))
		h.wants(grant, err, "invalid_request")
	}
}

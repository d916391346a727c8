package web

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// description is what an issuer says of itself while its scopes are these: its
// metadata, and that of the API and /v1 as protected resources (RFC 9728).
type description struct {
	of                            *authz.Scopes
	metadata, resource, managed   []byte
	etag, resourceTag, managedTag []string
}

// described is what the issuer says of itself now. While its scopes cannot be
// read it says what it said last.
func (s *site) described(ctx context.Context) *description {
	if err := s.describe(ctx); err != nil {
		s.logger.WarnContext(ctx, "the metadata is as it was: the scopes cannot be read", "error", err)
	}
	return s.said.Load()
}

// describe renders the documents where the scopes are others than those they
// were rendered for.
func (s *site) describe(ctx context.Context) error {
	scopes, err := s.OAuth.Scopes(ctx)
	if last := s.said.Load(); err != nil || last != nil && last.of == scopes {
		return err
	}
	d := &description{of: scopes}
	if d.metadata, err = s.OAuth.Metadata(scopes); err != nil {
		return err
	}
	if d.resource, err = s.OAuth.ResourceMetadata(scopes, "", s.Pages.Brand()); err != nil {
		return err
	}
	if d.managed, err = s.OAuth.ResourceMetadata(scopes, oauth.ManagementPath, s.Pages.Brand()); err != nil {
		return err
	}
	d.etag, d.resourceTag, d.managedTag = []string{entityTag(d.metadata)}, []string{entityTag(d.resource)}, []string{entityTag(d.managed)}
	s.said.Store(d)
	return nil
}

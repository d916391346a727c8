-- +goose Up
-- Why the person of a grant signed in by SAML in place of OpenID Connect.
ALTER TABLE grants ADD COLUMN fallback TEXT NOT NULL DEFAULT '';

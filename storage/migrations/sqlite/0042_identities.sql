-- +goose Up
-- By what a person came to be known by an identity; empty for what was before.
ALTER TABLE upstream_identities ADD COLUMN linked_by TEXT NOT NULL DEFAULT '';
CREATE INDEX upstream_identities_by_person ON upstream_identities (user_id);

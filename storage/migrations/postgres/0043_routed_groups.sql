-- +goose Up
SET LOCAL lock_timeout = '3s';

-- The groups that a side told of a person at their last sign-in by it, of those
-- that the routes of the connection are about.
ALTER TABLE upstream_identities ADD COLUMN group_names TEXT NOT NULL DEFAULT '[]';

-- +goose Up
-- Connections that administrators make: drafts are tested before people sign in.
ALTER TABLE connections ADD COLUMN oidc TEXT NOT NULL DEFAULT 'null';
ALTER TABLE connections ADD COLUMN tested TEXT NOT NULL DEFAULT '{}';
ALTER TABLE connections ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
CREATE INDEX audit_entries_by_target ON audit_entries (issuer, workspace_id, target, time);

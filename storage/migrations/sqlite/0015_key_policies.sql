-- +goose Up
-- What a workspace asks of all its keys.
CREATE TABLE key_policies (
    workspace_id     TEXT PRIMARY KEY,
    issuer           TEXT NOT NULL,
    enforce_rotation BOOLEAN NOT NULL,
    unused_seconds   INTEGER NOT NULL,
    revision         INTEGER NOT NULL,
    updated_at       DATETIME NOT NULL
);
CREATE INDEX key_policies_enforced ON key_policies (issuer) WHERE enforce_rotation;
CREATE INDEX key_policies_unused ON key_policies (issuer, workspace_id) WHERE unused_seconds > 0;
ALTER TABLE api_keys ADD COLUMN enabled_at DATETIME;

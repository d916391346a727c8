-- +goose Up
SET LOCAL lock_timeout = '3s';

-- The texts of keys that replaced others, sealed, until they were fetched.
CREATE TABLE key_claims (
    key_id         TEXT PRIMARY KEY,
    issuer         TEXT NOT NULL,
    workspace_id   TEXT NOT NULL,
    predecessor_id TEXT NOT NULL,
    sealed         BYTEA NOT NULL,
    claimed_by     TEXT NOT NULL,
    claimed_at     TIMESTAMPTZ,
    expires_at     TIMESTAMPTZ NOT NULL
);
CREATE INDEX key_claims_by_expiry ON key_claims (expires_at);

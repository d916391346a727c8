-- +goose Up
SET LOCAL lock_timeout = '3s';

-- From where replaced keys are still used; rows go with their key's.
CREATE TABLE key_callers (
    key_id       TEXT NOT NULL,
    ip           TEXT NOT NULL,
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    first_at     TIMESTAMPTZ NOT NULL,
    last_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (key_id, ip)
);

-- What came of a key: what was granted to it, and the keys its subject made.
CREATE INDEX grants_by_key ON grants (issuer, key_id) WHERE key_id <> '';
CREATE INDEX api_keys_by_maker ON api_keys (issuer, created_by);

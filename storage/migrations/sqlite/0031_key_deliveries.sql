-- +goose Up
-- Where the texts of keys that replaced others are brought.
CREATE TABLE key_destinations (
    id           TEXT PRIMARY KEY,
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    name         TEXT NOT NULL,
    kind         TEXT NOT NULL,
    target       TEXT NOT NULL,
    sealed       BLOB NOT NULL,
    state        TEXT NOT NULL,
    revision     INTEGER NOT NULL,
    created_at   DATETIME NOT NULL,
    created_by   TEXT NOT NULL,
    updated_at   DATETIME NOT NULL
);
CREATE INDEX key_destinations_by_workspace ON key_destinations (issuer, workspace_id, created_at, id);

-- Such texts on their way, encrypted; a row goes with its key's.
CREATE TABLE key_deliveries (
    key_id         TEXT PRIMARY KEY,
    issuer         TEXT NOT NULL,
    workspace_id   TEXT NOT NULL,
    predecessor_id TEXT NOT NULL,
    destination_id TEXT NOT NULL,
    event_id       TEXT NOT NULL,
    state          TEXT NOT NULL,
    attempts       INTEGER NOT NULL,
    next_attempt   DATETIME NOT NULL,
    last_error     TEXT NOT NULL,
    payload        BLOB,
    created_at     DATETIME NOT NULL,
    expires_at     DATETIME NOT NULL,
    delivered_at   DATETIME
);
CREATE INDEX key_deliveries_due ON key_deliveries (issuer, next_attempt) WHERE state = 'pending';
CREATE INDEX key_deliveries_by_expiry ON key_deliveries (expires_at) WHERE payload IS NOT NULL AND state = 'dead';

ALTER TABLE api_keys ADD COLUMN delivery TEXT NOT NULL DEFAULT '';
CREATE INDEX api_keys_by_delivery ON api_keys (delivery) WHERE delivery <> '';

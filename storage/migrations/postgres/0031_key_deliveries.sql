-- +goose Up
SET LOCAL lock_timeout = '3s';

-- Where the texts of keys that replaced others are brought.
CREATE TABLE key_destinations (
    id           TEXT PRIMARY KEY,
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    name         TEXT NOT NULL,
    kind         TEXT NOT NULL,
    target       TEXT NOT NULL,
    sealed       BYTEA NOT NULL,
    state        TEXT NOT NULL,
    revision     BIGINT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    created_by   TEXT NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL
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
    attempts       BIGINT NOT NULL,
    next_attempt   TIMESTAMPTZ NOT NULL,
    last_error     TEXT NOT NULL,
    payload        BYTEA,
    created_at     TIMESTAMPTZ NOT NULL,
    expires_at     TIMESTAMPTZ NOT NULL,
    delivered_at   TIMESTAMPTZ
);
CREATE INDEX key_deliveries_due ON key_deliveries (issuer, next_attempt) WHERE state = 'pending';
CREATE INDEX key_deliveries_by_expiry ON key_deliveries (expires_at) WHERE payload IS NOT NULL AND state = 'dead';

ALTER TABLE api_keys ADD COLUMN delivery TEXT NOT NULL DEFAULT '';
CREATE INDEX api_keys_by_delivery ON api_keys (delivery) WHERE delivery <> '';

-- +goose Up
SET LOCAL lock_timeout = '3s';

-- How keys are found that other systems made; a row goes with its key's.
CREATE TABLE imported_keys (
    issuer       TEXT NOT NULL,
    lookup       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    key_id       TEXT NOT NULL,
    tag          BYTEA,
    PRIMARY KEY (issuer, lookup)
);
CREATE INDEX imported_keys_by_key ON imported_keys (issuer, key_id);

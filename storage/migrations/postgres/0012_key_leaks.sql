-- +goose Up
SET LOCAL lock_timeout = '3s';

-- Keys that were seen where they must not be; a row goes with its key's.
CREATE TABLE key_leaks (
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    key_id       TEXT NOT NULL,
    source       TEXT NOT NULL,
    first_at     TIMESTAMPTZ NOT NULL,
    told_at      TIMESTAMPTZ NOT NULL,
    reports      BIGINT NOT NULL,
    disable_at   TIMESTAMPTZ,
    PRIMARY KEY (issuer, key_id)
);
CREATE INDEX key_leaks_due ON key_leaks (issuer, disable_at) WHERE disable_at IS NOT NULL;

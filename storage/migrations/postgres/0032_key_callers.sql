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

-- +goose Up
-- From where replaced keys are still used; rows go with their key's.
CREATE TABLE key_callers (
    key_id       TEXT NOT NULL,
    ip           TEXT NOT NULL,
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    first_at     DATETIME NOT NULL,
    last_at      DATETIME NOT NULL,
    PRIMARY KEY (key_id, ip)
);

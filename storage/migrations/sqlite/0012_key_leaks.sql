-- +goose Up

-- Keys that were seen where they must not be; a row goes with its key's.
CREATE TABLE key_leaks (
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    key_id       TEXT NOT NULL,
    source       TEXT NOT NULL,
    first_at     DATETIME NOT NULL,
    told_at      DATETIME NOT NULL,
    reports      INTEGER NOT NULL,
    disable_at   DATETIME,
    PRIMARY KEY (issuer, key_id)
);
CREATE INDEX key_leaks_due ON key_leaks (issuer, disable_at) WHERE disable_at IS NOT NULL;

-- +goose Up
-- Device authorization requests (RFC 8628). A used one stays with its grant,
-- so that a replay is recognised; the user code is forgotten once decided on.

CREATE TABLE device_codes (
    digest      BLOB PRIMARY KEY CHECK (length(digest) = 32),
    issuer      TEXT NOT NULL,
    client_id   TEXT NOT NULL,
    user_digest BLOB UNIQUE CHECK (user_digest IS NULL OR length(user_digest) = 32),
    parameters  TEXT NOT NULL,
    ip          TEXT NOT NULL,
    interval_s  INTEGER NOT NULL,
    poll_after  DATETIME NOT NULL,
    grant_id    TEXT NOT NULL,
    state       TEXT NOT NULL,
    created_at  DATETIME NOT NULL,
    expires_at  DATETIME NOT NULL
) WITHOUT ROWID;
CREATE INDEX device_codes_by_expiry ON device_codes (expires_at);
CREATE INDEX device_codes_pending ON device_codes (issuer, client_id, expires_at) WHERE state = 'active';
CREATE INDEX device_codes_by_grant ON device_codes (grant_id) WHERE grant_id <> '';

ALTER TABLE authorization_requests ADD COLUMN device_digest BLOB;

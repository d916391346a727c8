-- +goose Up
-- What people prove themselves with to us, beside what their upstream proves.
CREATE TABLE factors (
    id            TEXT PRIMARY KEY,
    issuer        TEXT NOT NULL,
    workspace_id  TEXT NOT NULL,
    user_id       TEXT NOT NULL,
    kind          TEXT NOT NULL,
    name          TEXT NOT NULL,
    state         TEXT NOT NULL,
    secret        BLOB,
    credential_id BLOB,
    credential    TEXT NOT NULL,
    counter       BIGINT NOT NULL,
    synced        BOOLEAN NOT NULL,
    created_at    DATETIME NOT NULL,
    last_used_at  DATETIME
);
CREATE INDEX factors_by_person ON factors (issuer, workspace_id, user_id);
-- One authenticator app a person, and a passkey is one person's.
CREATE UNIQUE INDEX factors_one_app ON factors (issuer, workspace_id, user_id) WHERE kind = 'totp';
CREATE UNIQUE INDEX factors_by_credential ON factors (issuer, credential_id) WHERE credential_id IS NOT NULL;

CREATE TABLE recovery_codes (
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    lookup       TEXT NOT NULL,
    hash         TEXT NOT NULL,
    created_at   DATETIME NOT NULL,
    used_at      DATETIME,
    PRIMARY KEY (issuer, workspace_id, user_id, lookup)
);

-- How often somebody was wrong about somebody's factor, for as long as it counts.
CREATE TABLE factor_attempts (
    digest       BLOB PRIMARY KEY CHECK (length(digest) = 32),
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    count        BIGINT NOT NULL,
    strikes      BIGINT NOT NULL,
    until        DATETIME NOT NULL,
    expires_at   DATETIME NOT NULL
);
CREATE INDEX factor_attempts_by_expiry ON factor_attempts (expires_at);

-- +goose Up
SET LOCAL lock_timeout = '3s';

-- Acts that are carried out once, however often they are asked for.

CREATE TABLE onces (
    digest       BYTEA PRIMARY KEY CHECK (length(digest) = 32),
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    request      BYTEA NOT NULL CHECK (length(request) = 32),
    attempt      TEXT NOT NULL,
    done         BOOLEAN NOT NULL,
    status       BIGINT NOT NULL,
    answer       BYTEA,
    target       TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL
);
CREATE INDEX onces_by_workspace ON onces (issuer, workspace_id);
CREATE INDEX onces_by_expiry ON onces (expires_at);

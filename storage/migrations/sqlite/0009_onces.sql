-- +goose Up
-- Acts that are carried out once, however often they are asked for.

CREATE TABLE onces (
    digest       BLOB PRIMARY KEY CHECK (length(digest) = 32),
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    request      BLOB NOT NULL CHECK (length(request) = 32),
    attempt      TEXT NOT NULL,
    done         BOOLEAN NOT NULL,
    status       INTEGER NOT NULL,
    answer       BLOB,
    target       TEXT NOT NULL,
    created_at   DATETIME NOT NULL,
    expires_at   DATETIME NOT NULL
) WITHOUT ROWID;
CREATE INDEX onces_by_workspace ON onces (issuer, workspace_id);
CREATE INDEX onces_by_expiry ON onces (expires_at);

-- +goose Up
-- What connections were before, without their secrets: the latest few.
CREATE TABLE connection_revisions (
    issuer        TEXT NOT NULL,
    workspace_id  TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    revision      INTEGER NOT NULL,
    actor         TEXT NOT NULL,
    settings      TEXT NOT NULL,
    created_at    DATETIME NOT NULL,
    PRIMARY KEY (issuer, workspace_id, connection_id, revision)
) WITHOUT ROWID;

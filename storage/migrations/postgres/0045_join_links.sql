-- +goose Up
SET LOCAL lock_timeout = '3s';

-- Links by which one side of a connection comes to know a member, once.
CREATE TABLE join_links (
    id            TEXT PRIMARY KEY,
    issuer        TEXT NOT NULL,
    workspace_id  TEXT NOT NULL,
    user_id       TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    side          TEXT NOT NULL,
    digest        BYTEA NOT NULL CHECK (length(digest) = 32),
    state         TEXT NOT NULL,
    made_by       TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    expires_at    TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX join_links_by_digest ON join_links (digest);
CREATE INDEX join_links_by_person ON join_links (user_id, workspace_id, created_at);
CREATE INDEX join_links_by_expiry ON join_links (expires_at);

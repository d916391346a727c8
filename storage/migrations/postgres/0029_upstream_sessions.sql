-- +goose Up
SET LOCAL lock_timeout = '3s';

-- An OpenID provider may name a session without its person.
CREATE INDEX upstream_sessions_by_index ON upstream_sessions (connection_id, session_index) WHERE session_index <> '';

-- Refresh tokens of upstreams, sealed, by which they are asked whether they
-- still know the person of a session.
CREATE TABLE upstream_refreshes (
    session_id    TEXT PRIMARY KEY,
    issuer        TEXT NOT NULL,
    workspace_id  TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    name          BYTEA NOT NULL,
    token         BYTEA NOT NULL,
    poll_at       TIMESTAMPTZ NOT NULL,
    expires_at    TIMESTAMPTZ NOT NULL,
    revision      BIGINT NOT NULL
);
CREATE INDEX upstream_refreshes_by_poll ON upstream_refreshes (issuer, poll_at);
CREATE INDEX upstream_refreshes_by_expiry ON upstream_refreshes (expires_at);

-- +goose Up
-- What upstreams call our sessions is the sessions' own: OpenID providers name
-- them too, with or without their person.
ALTER TABLE sessions ADD COLUMN upstream_side TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN upstream_person BLOB;
ALTER TABLE sessions ADD COLUMN upstream_session TEXT NOT NULL DEFAULT '';
UPDATE sessions SET
    upstream_side = (SELECT u.side FROM upstream_sessions u WHERE u.session_id = sessions.id),
    upstream_person = (SELECT u.name FROM upstream_sessions u WHERE u.session_id = sessions.id),
    upstream_session = (SELECT u.session_index FROM upstream_sessions u WHERE u.session_id = sessions.id)
    WHERE id IN (SELECT session_id FROM upstream_sessions);
DROP TABLE upstream_sessions;
CREATE INDEX sessions_by_upstreams_person ON sessions (connection_id, upstream_person) WHERE upstream_person IS NOT NULL;
CREATE INDEX sessions_by_upstreams_session ON sessions (connection_id, upstream_session) WHERE upstream_session <> '';

-- Refresh tokens of upstreams, sealed, by which they are asked whether they
-- still know the person of a session.
CREATE TABLE upstream_refreshes (
    session_id    TEXT PRIMARY KEY,
    issuer        TEXT NOT NULL,
    workspace_id  TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    person        BLOB NOT NULL,
    token         BLOB NOT NULL,
    poll_at       DATETIME NOT NULL,
    expires_at    DATETIME NOT NULL,
    revision      INTEGER NOT NULL
);
CREATE INDEX upstream_refreshes_by_poll ON upstream_refreshes (issuer, poll_at);
CREATE INDEX upstream_refreshes_by_expiry ON upstream_refreshes (expires_at);

-- +goose Up
-- A connection has a side of OpenID Connect, one of SAML 2.0, or both.
ALTER TABLE connections ADD COLUMN vendor TEXT NOT NULL DEFAULT '';
ALTER TABLE connections ADD COLUMN saml TEXT NOT NULL DEFAULT 'null';
ALTER TABLE connections ADD COLUMN saml_key BLOB;
ALTER TABLE connections ADD COLUMN fallback TEXT NOT NULL DEFAULT '{}';

-- The two sides of a connection may call different people by one name.
CREATE TABLE upstream_identities_of_sides (
    issuer        TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    side          TEXT NOT NULL DEFAULT 'oidc',
    subject       TEXT NOT NULL,
    user_id       TEXT NOT NULL,
    created_at    DATETIME NOT NULL,
    last_login_at DATETIME NOT NULL,
    PRIMARY KEY (issuer, connection_id, side, subject)
);
INSERT INTO upstream_identities_of_sides (issuer, connection_id, subject, user_id, created_at, last_login_at)
    SELECT issuer, connection_id, subject, user_id, created_at, last_login_at FROM upstream_identities;
DROP TABLE upstream_identities;
ALTER TABLE upstream_identities_of_sides RENAME TO upstream_identities;

-- What upstreams call our sessions, for when one ends there.
CREATE TABLE upstream_sessions (
    session_id    TEXT PRIMARY KEY,
    issuer        TEXT NOT NULL,
    workspace_id  TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    side          TEXT NOT NULL,
    name          BLOB NOT NULL,
    session_index TEXT NOT NULL,
    expires_at    DATETIME NOT NULL
);
CREATE INDEX upstream_sessions_by_name ON upstream_sessions (connection_id, side, name);
CREATE INDEX upstream_sessions_by_expiry ON upstream_sessions (expires_at);

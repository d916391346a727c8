-- +goose Up
SET LOCAL lock_timeout = '3s';

-- A connection has a side of OpenID Connect, one of SAML 2.0, or both.
ALTER TABLE connections ADD COLUMN vendor TEXT NOT NULL DEFAULT '';
ALTER TABLE connections ADD COLUMN saml TEXT NOT NULL DEFAULT 'null';
ALTER TABLE connections ADD COLUMN saml_key BYTEA;
ALTER TABLE connections ADD COLUMN fallback TEXT NOT NULL DEFAULT '{}';

-- The two sides of a connection may call different people by one name.
ALTER TABLE upstream_identities ADD COLUMN side TEXT NOT NULL DEFAULT 'oidc';
ALTER TABLE upstream_identities DROP CONSTRAINT upstream_identities_pkey;
ALTER TABLE upstream_identities ADD PRIMARY KEY (issuer, connection_id, side, subject);

-- What upstreams call our sessions, for when one ends there.
CREATE TABLE upstream_sessions (
    session_id    TEXT PRIMARY KEY,
    issuer        TEXT NOT NULL,
    workspace_id  TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    side          TEXT NOT NULL,
    name          BYTEA NOT NULL,
    session_index TEXT NOT NULL,
    expires_at    TIMESTAMPTZ NOT NULL
);
CREATE INDEX upstream_sessions_by_name ON upstream_sessions (connection_id, side, name);
CREATE INDEX upstream_sessions_by_expiry ON upstream_sessions (expires_at);

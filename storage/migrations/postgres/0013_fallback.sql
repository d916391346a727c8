-- +goose Up
SET LOCAL lock_timeout = '3s';

-- How a connection falls back from OpenID Connect on SAML, and how the two
-- sides know one person.
ALTER TABLE connections ADD COLUMN jit TEXT NOT NULL DEFAULT '';
ALTER TABLE upstream_identities ADD COLUMN link BYTEA;
CREATE INDEX upstream_identities_by_link ON upstream_identities (connection_id, link) WHERE link IS NOT NULL;
ALTER TABLE sessions ADD COLUMN fallback TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN email TEXT NOT NULL DEFAULT '';
CREATE INDEX users_by_email ON users (issuer, email) WHERE email <> '';

CREATE TABLE connection_overrides (
    connection_id TEXT PRIMARY KEY,
    issuer        TEXT NOT NULL,
    workspace_id  TEXT NOT NULL,
    reason        TEXT NOT NULL,
    made_by       TEXT NOT NULL,
    made_at       TIMESTAMPTZ NOT NULL,
    until_at      TIMESTAMPTZ NOT NULL
);

-- One circuit for all nodes.
CREATE TABLE connection_circuits (
    connection_id TEXT PRIMARY KEY,
    issuer        TEXT NOT NULL,
    workspace_id  TEXT NOT NULL,
    counts        TEXT NOT NULL,
    opened_at     TIMESTAMPTZ,
    probe_at      TIMESTAMPTZ,
    good          INTEGER NOT NULL,
    alerted_at    TIMESTAMPTZ,
    revision      BIGINT NOT NULL
);
CREATE INDEX connection_circuits_by_probe ON connection_circuits (issuer, probe_at) WHERE probe_at IS NOT NULL;

-- +goose Up
SET LOCAL lock_timeout = '3s';

-- What is known of newer metadata of a SAML provider, and who was warned of
-- certificates that end.
CREATE TABLE connection_metadata (
    connection_id TEXT PRIMARY KEY,
    issuer        TEXT NOT NULL,
    workspace_id  TEXT NOT NULL,
    check_at      TIMESTAMPTZ NOT NULL,
    checked_at    TIMESTAMPTZ,
    problem       TEXT NOT NULL,
    proposal      TEXT NOT NULL,
    proposed_at   TIMESTAMPTZ,
    rejected      TEXT NOT NULL,
    warned        TEXT NOT NULL,
    revision      BIGINT NOT NULL
);
CREATE INDEX connection_metadata_by_check ON connection_metadata (issuer, check_at);

-- Links by which a customer's own administrator sets one connection up.
CREATE TABLE setup_links (
    id            TEXT PRIMARY KEY,
    digest        BYTEA NOT NULL,
    issuer        TEXT NOT NULL,
    workspace_id  TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    made_by       TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    expires_at    TIMESTAMPTZ NOT NULL,
    revoked_at    TIMESTAMPTZ
);
CREATE UNIQUE INDEX setup_links_by_digest ON setup_links (digest);
CREATE INDEX setup_links_by_connection ON setup_links (connection_id, created_at);
CREATE INDEX setup_links_by_expiry ON setup_links (expires_at);

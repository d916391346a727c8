-- +goose Up
-- What is known of newer metadata of a SAML provider, and who was warned of
-- certificates that end.
CREATE TABLE connection_metadata (
    connection_id TEXT PRIMARY KEY,
    issuer        TEXT NOT NULL,
    workspace_id  TEXT NOT NULL,
    check_at      DATETIME NOT NULL,
    checked_at    DATETIME,
    problem       TEXT NOT NULL,
    proposal      TEXT NOT NULL,
    proposed_at   DATETIME,
    rejected      TEXT NOT NULL,
    warned        TEXT NOT NULL,
    revision      INTEGER NOT NULL
);
CREATE INDEX connection_metadata_by_check ON connection_metadata (issuer, check_at);

-- Links by which a customer's own administrator sets one connection up.
CREATE TABLE setup_links (
    id            TEXT PRIMARY KEY,
    digest        BLOB NOT NULL,
    issuer        TEXT NOT NULL,
    workspace_id  TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    made_by       TEXT NOT NULL,
    created_at    DATETIME NOT NULL,
    expires_at    DATETIME NOT NULL,
    revoked_at    DATETIME
);
CREATE UNIQUE INDEX setup_links_by_digest ON setup_links (digest);
CREATE INDEX setup_links_by_connection ON setup_links (connection_id, created_at);
CREATE INDEX setup_links_by_expiry ON setup_links (expires_at);

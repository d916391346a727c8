-- +goose Up
SET LOCAL lock_timeout = '3s';

-- What the rest of the protocol needs of clients, grants and tokens.

ALTER TABLE clients ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';

ALTER TABLE grants ADD COLUMN parent_id TEXT NOT NULL DEFAULT '';
ALTER TABLE grants ADD COLUMN parent_token BYTEA;
ALTER TABLE grants ADD COLUMN details TEXT NOT NULL DEFAULT '';
ALTER TABLE grants ADD COLUMN claims TEXT NOT NULL DEFAULT '';
ALTER TABLE grants ADD COLUMN actor TEXT NOT NULL DEFAULT '';
CREATE INDEX grants_by_parent ON grants (parent_id) WHERE parent_id <> '';
CREATE INDEX grants_by_parent_token ON grants (parent_token) WHERE parent_token IS NOT NULL;
CREATE INDEX grants_by_sid ON grants (sid) WHERE sid <> '';

ALTER TABLE access_tokens ADD COLUMN details TEXT NOT NULL DEFAULT '';
ALTER TABLE access_tokens ADD COLUMN confirmation TEXT NOT NULL DEFAULT '{}';
ALTER TABLE refresh_tokens ADD COLUMN confirmation TEXT NOT NULL DEFAULT '{}';
ALTER TABLE authorization_codes ADD COLUMN dpop_jkt TEXT NOT NULL DEFAULT '';

ALTER TABLE authorization_requests ADD COLUMN pushed_digest BYTEA;

CREATE TABLE pushed_requests (
    digest     BYTEA PRIMARY KEY CHECK (length(digest) = 32),
    issuer     TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    parameters TEXT NOT NULL,
    state      TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX pushed_requests_by_expiry ON pushed_requests (expires_at);

-- Ids that must not be seen twice: of client assertions, of DPoP proofs.
CREATE TABLE replays (
    digest     BYTEA PRIMARY KEY CHECK (length(digest) = 32),
    issuer     TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX replays_by_expiry ON replays (expires_at);

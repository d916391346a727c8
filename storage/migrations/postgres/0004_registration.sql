-- +goose Up
SET LOCAL lock_timeout = '3s';

-- Clients that nobody of ours registers.

-- A client_id that is a URL is the same at every issuer: ids are unique within
-- one.
ALTER TABLE clients DROP CONSTRAINT clients_pkey;
ALTER TABLE clients ADD PRIMARY KEY (id, issuer);

-- Whether anything hangs on a client that registered itself.
CREATE INDEX grants_by_client ON grants (client_id) WHERE NOT standing;

CREATE TABLE registration_tokens (
    digest       BYTEA PRIMARY KEY CHECK (length(digest) = 32),
    id           TEXT NOT NULL,
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    environment  TEXT NOT NULL,
    profile      TEXT NOT NULL,
    uses         BIGINT NOT NULL CHECK (uses >= 0),
    made_by      TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX registration_tokens_by_id ON registration_tokens (id);
CREATE INDEX registration_tokens_by_expiry ON registration_tokens (expires_at);

CREATE TABLE registrations (
    client_id    TEXT PRIMARY KEY,
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    digest       BYTEA NOT NULL CHECK (length(digest) = 32),
    created_at   TIMESTAMPTZ NOT NULL
);
CREATE INDEX registrations_by_age ON registrations (issuer, created_at);
CREATE INDEX registrations_by_workspace ON registrations (issuer, workspace_id);

-- +goose Up
-- Clients that nobody of ours registers.

-- A client_id that is a URL is the same at every issuer: ids are unique within
-- one. SQLite changes a primary key by way of a new table.
CREATE TABLE clients_by_issuer (
    id                 TEXT NOT NULL,
    issuer             TEXT NOT NULL,
    workspace_id       TEXT NOT NULL,
    name               TEXT NOT NULL,
    auth_method        TEXT NOT NULL,
    grant_types        TEXT NOT NULL,
    redirect_uris      TEXT NOT NULL,
    scopes             TEXT NOT NULL,
    token_format       TEXT NOT NULL,
    id_token_algorithm TEXT NOT NULL,
    environment        TEXT NOT NULL,
    environments       TEXT NOT NULL,
    introspect         BOOLEAN NOT NULL,
    skip_consent       BOOLEAN NOT NULL,
    state              TEXT NOT NULL,
    epoch              INTEGER NOT NULL,
    revision           INTEGER NOT NULL,
    created_at         DATETIME NOT NULL,
    updated_at         DATETIME NOT NULL,
    metadata           TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (id, issuer)
);
INSERT INTO clients_by_issuer SELECT * FROM clients;
DROP TABLE clients;
ALTER TABLE clients_by_issuer RENAME TO clients;
CREATE INDEX clients_by_creation ON clients (issuer, workspace_id, created_at, id);

-- Whether anything hangs on a client that registered itself.
CREATE INDEX grants_by_client ON grants (client_id) WHERE NOT standing;

CREATE TABLE registration_tokens (
    digest       BLOB PRIMARY KEY CHECK (length(digest) = 32),
    id           TEXT NOT NULL,
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    environment  TEXT NOT NULL,
    profile      TEXT NOT NULL,
    uses         INTEGER NOT NULL CHECK (uses >= 0),
    made_by      TEXT NOT NULL,
    created_at   DATETIME NOT NULL,
    expires_at   DATETIME NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX registration_tokens_by_id ON registration_tokens (id);
CREATE INDEX registration_tokens_by_expiry ON registration_tokens (expires_at);

CREATE TABLE registrations (
    client_id    TEXT PRIMARY KEY,
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    digest       BLOB NOT NULL CHECK (length(digest) = 32),
    created_at   DATETIME NOT NULL
) WITHOUT ROWID;
CREATE INDEX registrations_by_age ON registrations (issuer, created_at);
CREATE INDEX registrations_by_workspace ON registrations (issuer, workspace_id);

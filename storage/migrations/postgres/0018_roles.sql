-- +goose Up
SET LOCAL lock_timeout = '3s';

-- Who may do what in a workspace. What all roles of a subject come to is kept
-- with the subject, as null where nothing narrows it.

ALTER TABLE accounts ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE workspaces ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE workspaces ADD COLUMN tier TEXT NOT NULL DEFAULT '';
ALTER TABLE workspaces ADD COLUMN leaver TEXT NOT NULL DEFAULT '';
CREATE INDEX workspaces_by_account ON workspaces (account_id);
CREATE INDEX accounts_by_creation ON accounts (issuer, created_at, id);

ALTER TABLE service_accounts ADD COLUMN owner_id TEXT NOT NULL DEFAULT '';
ALTER TABLE service_accounts ADD COLUMN team_id TEXT NOT NULL DEFAULT '';
ALTER TABLE service_accounts ADD COLUMN bounds TEXT NOT NULL DEFAULT 'null';
ALTER TABLE service_accounts ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
CREATE INDEX service_accounts_by_creation ON service_accounts (issuer, workspace_id, created_at, id);
CREATE INDEX service_accounts_by_owner ON service_accounts (issuer, workspace_id, owner_id) WHERE owner_id <> '';
CREATE INDEX api_keys_by_service_account ON api_keys (service_account_id);

ALTER TABLE members ADD COLUMN bounds TEXT NOT NULL DEFAULT 'null';
ALTER TABLE members ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
CREATE INDEX members_by_creation ON members (issuer, workspace_id, created_at, user_id);
CREATE INDEX members_by_role ON members (issuer, workspace_id, role);

CREATE TABLE invitations (
    id           TEXT PRIMARY KEY,
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    digest       BYTEA NOT NULL CHECK (length(digest) = 32),
    email        TEXT NOT NULL,
    role         TEXT NOT NULL,
    state        TEXT NOT NULL,
    invited_by   TEXT NOT NULL,
    used_by      TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX invitations_by_digest ON invitations (digest);
CREATE INDEX invitations_by_creation ON invitations (issuer, workspace_id, created_at, id);
CREATE INDEX invitations_by_expiry ON invitations (expires_at);

CREATE TABLE teams (
    id           TEXT PRIMARY KEY,
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    name         TEXT NOT NULL,
    revision     BIGINT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX teams_by_name ON teams (issuer, workspace_id, name);
CREATE INDEX teams_by_creation ON teams (issuer, workspace_id, created_at, id);

CREATE TABLE team_members (
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    team_id      TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_members_by_user ON team_members (issuer, workspace_id, user_id);

CREATE TABLE roles (
    id           TEXT PRIMARY KEY,
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    name         TEXT NOT NULL,
    permissions  TEXT NOT NULL,
    read_only    BOOLEAN NOT NULL,
    revision     BIGINT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX roles_by_name ON roles (issuer, workspace_id, name);
CREATE INDEX roles_by_creation ON roles (issuer, workspace_id, created_at, id);

CREATE TABLE role_bindings (
    id           TEXT PRIMARY KEY,
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    kind         TEXT NOT NULL,
    subject      TEXT NOT NULL,
    role         TEXT NOT NULL,
    environment  TEXT NOT NULL,
    resources    TEXT NOT NULL,
    made_by      TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL
);
CREATE INDEX role_bindings_by_creation ON role_bindings (issuer, workspace_id, created_at, id);
CREATE INDEX role_bindings_by_subject ON role_bindings (issuer, workspace_id, kind, subject);
CREATE INDEX role_bindings_by_role ON role_bindings (issuer, workspace_id, role);

CREATE TABLE resources (
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    kind         TEXT NOT NULL,
    id           TEXT NOT NULL,
    name         TEXT NOT NULL,
    environment  TEXT NOT NULL,
    team_id      TEXT NOT NULL,
    revision     BIGINT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (issuer, workspace_id, kind, id)
);
CREATE INDEX resources_by_creation ON resources (issuer, workspace_id, kind, created_at, id);

-- What clients were before: the settings of each revision, the latest few.
CREATE TABLE client_revisions (
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    client_id    TEXT NOT NULL,
    revision     BIGINT NOT NULL,
    actor        TEXT NOT NULL,
    settings     TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (issuer, workspace_id, client_id, revision)
);

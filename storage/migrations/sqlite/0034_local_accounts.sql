-- +goose Up
-- People who sign in with us: operators, and a workspace's way in when its
-- upstream is none.
CREATE TABLE local_accounts (
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    kind         TEXT NOT NULL,
    login        TEXT NOT NULL,
    password     TEXT NOT NULL,
    created_by   TEXT NOT NULL,
    created_at   DATETIME NOT NULL,
    PRIMARY KEY (issuer, workspace_id, user_id)
);
CREATE UNIQUE INDEX local_accounts_by_login ON local_accounts (issuer, workspace_id, login);

-- Links by which they set up what they sign in with.
CREATE TABLE enrolments (
    digest       BLOB PRIMARY KEY CHECK (length(digest) = 32),
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    state        TEXT NOT NULL,
    created_by   TEXT NOT NULL,
    created_at   DATETIME NOT NULL,
    expires_at   DATETIME NOT NULL
);
CREATE INDEX enrolments_by_person ON enrolments (issuer, workspace_id, user_id);
CREATE INDEX enrolments_by_expiry ON enrolments (expires_at);

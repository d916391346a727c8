-- +goose Up
SET LOCAL lock_timeout = '3s';

-- The graph. A node's state and epoch change together, by one conditional write.

CREATE TABLE accounts (
    id         TEXT PRIMARY KEY,
    issuer     TEXT NOT NULL,
    name       TEXT NOT NULL,
    state      TEXT NOT NULL,
    epoch      BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE workspaces (
    id         TEXT PRIMARY KEY,
    issuer     TEXT NOT NULL,
    account_id TEXT NOT NULL,
    name       TEXT NOT NULL,
    state      TEXT NOT NULL,
    epoch      BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX workspaces_by_creation ON workspaces (issuer, created_at, id);

CREATE TABLE users (
    id         TEXT PRIMARY KEY,
    issuer     TEXT NOT NULL,
    profile    TEXT NOT NULL,
    state      TEXT NOT NULL,
    epoch      BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE upstream_identities (
    issuer        TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    subject       TEXT NOT NULL,
    user_id       TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    last_login_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (issuer, connection_id, subject)
);

CREATE TABLE members (
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    role         TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (issuer, workspace_id, user_id)
);

CREATE TABLE connections (
    id              TEXT PRIMARY KEY,
    issuer          TEXT NOT NULL,
    workspace_id    TEXT NOT NULL,
    name            TEXT NOT NULL,
    upstream_issuer TEXT NOT NULL,
    client_id       TEXT NOT NULL,
    client_secret   BYTEA,
    scopes          TEXT NOT NULL,
    domains         TEXT NOT NULL,
    state           TEXT NOT NULL,
    epoch           BIGINT NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL
);
CREATE INDEX connections_by_creation ON connections (issuer, workspace_id, created_at, id);

CREATE TABLE connection_domains (
    issuer        TEXT NOT NULL,
    domain        TEXT NOT NULL,
    workspace_id  TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    PRIMARY KEY (issuer, domain)
);
CREATE INDEX connection_domains_by_connection ON connection_domains (connection_id);

CREATE TABLE service_accounts (
    id           TEXT PRIMARY KEY,
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    name         TEXT NOT NULL,
    state        TEXT NOT NULL,
    epoch        BIGINT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL
);

CREATE TABLE clients (
    id                 TEXT PRIMARY KEY,
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
    epoch              BIGINT NOT NULL,
    revision           BIGINT NOT NULL,
    created_at         TIMESTAMPTZ NOT NULL,
    updated_at         TIMESTAMPTZ NOT NULL
);
CREATE INDEX clients_by_creation ON clients (issuer, workspace_id, created_at, id);

CREATE TABLE client_secrets (
    id           TEXT PRIMARY KEY,
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    client_id    TEXT NOT NULL,
    hash         TEXT NOT NULL,
    last4        TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ
);
CREATE INDEX client_secrets_by_client ON client_secrets (client_id, created_at);

CREATE TABLE api_keys (
    id                 TEXT PRIMARY KEY,
    issuer             TEXT NOT NULL,
    workspace_id       TEXT NOT NULL,
    account_id         TEXT NOT NULL,
    service_account_id TEXT NOT NULL,
    environment        TEXT NOT NULL,
    name               TEXT NOT NULL,
    prefix             TEXT NOT NULL,
    last4              TEXT NOT NULL,
    hash               TEXT NOT NULL,
    scopes             TEXT NOT NULL,
    resources          TEXT NOT NULL,
    ip_allowlist       TEXT NOT NULL,
    tier               TEXT NOT NULL,
    delegation_id      TEXT NOT NULL,
    state              TEXT NOT NULL,
    epoch              BIGINT NOT NULL,
    created_at         TIMESTAMPTZ NOT NULL,
    created_by         TEXT NOT NULL,
    expires_at         TIMESTAMPTZ,
    grace_until        TIMESTAMPTZ,
    revoked_at         TIMESTAMPTZ,
    purge_at           TIMESTAMPTZ
);
CREATE INDEX api_keys_by_creation ON api_keys (issuer, workspace_id, created_at, id);
CREATE INDEX api_keys_to_purge ON api_keys (purge_at) WHERE purge_at IS NOT NULL;

CREATE TABLE delegations (
    id         TEXT PRIMARY KEY,
    issuer     TEXT NOT NULL,
    workspaces TEXT NOT NULL,
    scopes     TEXT NOT NULL,
    made_by    TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ
);

CREATE TABLE sessions (
    id            TEXT PRIMARY KEY,
    issuer        TEXT NOT NULL,
    workspace_id  TEXT NOT NULL,
    user_id       TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    digest        BYTEA NOT NULL UNIQUE,
    auth_time     TIMESTAMPTZ NOT NULL,
    acr           TEXT NOT NULL,
    amr           TEXT NOT NULL,
    state         TEXT NOT NULL,
    epoch         BIGINT NOT NULL,
    lineage       BIGINT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    expires_at    TIMESTAMPTZ NOT NULL,
    idle_until    TIMESTAMPTZ NOT NULL,
    ip            TEXT NOT NULL,
    user_agent    TEXT NOT NULL
);
CREATE INDEX sessions_by_member ON sessions (issuer, workspace_id, user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_idle ON sessions (idle_until);

CREATE TABLE grants (
    id                 TEXT PRIMARY KEY,
    issuer             TEXT NOT NULL,
    workspace_id       TEXT NOT NULL,
    account_id         TEXT NOT NULL,
    client_id          TEXT NOT NULL,
    subject            TEXT NOT NULL,
    type               TEXT NOT NULL,
    standing           BOOLEAN NOT NULL,
    user_id            TEXT NOT NULL,
    service_account_id TEXT NOT NULL,
    session_id         TEXT NOT NULL,
    connection_id      TEXT NOT NULL,
    key_id             TEXT NOT NULL,
    environment        TEXT NOT NULL,
    scopes             TEXT NOT NULL,
    audience           TEXT NOT NULL,
    resources          TEXT NOT NULL,
    sid                TEXT NOT NULL,
    auth_time          TIMESTAMPTZ,
    acr                TEXT NOT NULL,
    amr                TEXT NOT NULL,
    nonce              TEXT NOT NULL,
    lineage            BIGINT NOT NULL,
    state              TEXT NOT NULL,
    epoch              BIGINT NOT NULL DEFAULT 0,
    created_at         TIMESTAMPTZ NOT NULL,
    expires_at         TIMESTAMPTZ
);
-- One living standing grant for each client or key, until an ancestor moves.
CREATE UNIQUE INDEX grants_standing ON grants (issuer, client_id, key_id, environment, lineage)
    WHERE standing AND state = 'active';
CREATE INDEX grants_by_session ON grants (session_id) WHERE session_id <> '';
CREATE INDEX grants_by_member ON grants (issuer, workspace_id, user_id) WHERE user_id <> '';
CREATE INDEX grants_by_expiry ON grants (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX grants_standing_ended ON grants (id) WHERE standing AND state <> 'active';

-- Leaves. They are found by the digest of what the client holds.

CREATE TABLE authorization_codes (
    digest         BYTEA PRIMARY KEY CHECK (length(digest) = 32),
    issuer         TEXT NOT NULL,
    workspace_id   TEXT NOT NULL,
    grant_id       TEXT NOT NULL,
    client_id      TEXT NOT NULL,
    redirect_uri   TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    scopes         TEXT NOT NULL,
    state          TEXT NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL,
    expires_at     TIMESTAMPTZ NOT NULL
);
CREATE INDEX authorization_codes_by_grant ON authorization_codes (grant_id);
CREATE INDEX authorization_codes_by_expiry ON authorization_codes (expires_at) WHERE state <> 'used';

CREATE TABLE access_tokens (
    digest       BYTEA PRIMARY KEY CHECK (length(digest) = 32),
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    grant_id     TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    audience     TEXT NOT NULL,
    jti          TEXT NOT NULL,
    state        TEXT NOT NULL,
    issued_at    TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL
);
CREATE INDEX access_tokens_by_grant ON access_tokens (grant_id);
CREATE INDEX access_tokens_by_expiry ON access_tokens (expires_at);

CREATE TABLE refresh_tokens (
    digest           BYTEA PRIMARY KEY CHECK (length(digest) = 32),
    issuer           TEXT NOT NULL,
    workspace_id     TEXT NOT NULL,
    grant_id         TEXT NOT NULL,
    scopes           TEXT NOT NULL,
    state            TEXT NOT NULL,
    used_at          TIMESTAMPTZ,
    successor        BYTEA,
    successor_digest BYTEA,
    created_at       TIMESTAMPTZ NOT NULL,
    expires_at       TIMESTAMPTZ
);
CREATE INDEX refresh_tokens_by_grant ON refresh_tokens (grant_id);

CREATE TABLE consents (
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    client_id    TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (issuer, workspace_id, user_id, client_id)
);

CREATE TABLE authorization_requests (
    id                 TEXT PRIMARY KEY,
    issuer             TEXT NOT NULL,
    browser_digest     BYTEA NOT NULL,
    client_id          TEXT NOT NULL,
    parameters         TEXT NOT NULL,
    arrived_at         TIMESTAMPTZ NOT NULL,
    expires_at         TIMESTAMPTZ NOT NULL,
    state              TEXT NOT NULL,
    connection_id      TEXT NOT NULL,
    state_digest       BYTEA UNIQUE,
    spent_state_digest BYTEA,
    upstream           BYTEA,
    session_id         TEXT NOT NULL
);
CREATE INDEX authorization_requests_by_spent_state ON authorization_requests (spent_state_digest)
    WHERE spent_state_digest IS NOT NULL;
CREATE INDEX authorization_requests_by_expiry ON authorization_requests (expires_at);

CREATE TABLE signing_keys (
    issuer       TEXT NOT NULL,
    kid          TEXT NOT NULL,
    algorithm    TEXT NOT NULL,
    period       BIGINT NOT NULL,
    public       BYTEA NOT NULL,
    sealed       BYTEA NOT NULL,
    published_at TIMESTAMPTZ NOT NULL,
    active_at    TIMESTAMPTZ NOT NULL,
    retired_at   TIMESTAMPTZ NOT NULL,
    remove_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (issuer, kid),
    UNIQUE (issuer, algorithm, period)
);

CREATE TABLE audit_entries (
    id           BIGSERIAL PRIMARY KEY,
    event_id     TEXT NOT NULL UNIQUE,
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    account_id   TEXT NOT NULL,
    time         TIMESTAMPTZ NOT NULL,
    type         TEXT NOT NULL,
    result       TEXT NOT NULL,
    reason       TEXT NOT NULL,
    actor        TEXT NOT NULL,
    target       TEXT NOT NULL,
    request_id   TEXT NOT NULL,
    ip           TEXT NOT NULL,
    user_agent   TEXT NOT NULL,
    details      TEXT NOT NULL
);
CREATE INDEX audit_entries_by_workspace ON audit_entries (issuer, workspace_id, time, event_id);
CREATE INDEX audit_entries_by_time ON audit_entries (issuer, time, event_id);

CREATE TABLE outbox (
    event_id     TEXT NOT NULL,
    sink         TEXT NOT NULL,
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    type         TEXT NOT NULL,
    body         BYTEA NOT NULL,
    state        TEXT NOT NULL,
    attempts     BIGINT NOT NULL,
    next_attempt TIMESTAMPTZ NOT NULL,
    last_error   TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (event_id, sink)
);
CREATE INDEX outbox_due ON outbox (next_attempt, created_at) WHERE state = 'pending';

CREATE TABLE leases (
    name       TEXT PRIMARY KEY,
    holder     TEXT NOT NULL,
    fence      BIGINT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);

-- What moved in the graph. xid orders the rows by transaction, so that a
-- reader knows which of them it can still have missed.
CREATE TABLE node_events (
    seq  BIGSERIAL PRIMARY KEY,
    xid  BIGINT NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    kind TEXT NOT NULL,
    id   TEXT NOT NULL,
    at   TIMESTAMPTZ NOT NULL
);
CREATE INDEX node_events_by_xid ON node_events (xid, seq);
CREATE INDEX node_events_by_time ON node_events (at);

-- +goose Up
SET LOCAL lock_timeout = '3s';

-- Conditional access: a workspace's rules, every version of them, and what they
-- decided. An empty workspace_id is the operator's.
CREATE TABLE policies (
	id TEXT PRIMARY KEY,
	issuer TEXT NOT NULL,
	workspace_id TEXT NOT NULL,
	version BIGINT NOT NULL,
	latest BIGINT NOT NULL,
	revision BIGINT NOT NULL,
	created_at TIMESTAMPTZ NOT NULL,
	updated_at TIMESTAMPTZ NOT NULL,
	updated_by TEXT NOT NULL
);
CREATE UNIQUE INDEX policies_by_workspace ON policies (issuer, workspace_id);
CREATE INDEX policies_listed ON policies (issuer, created_at, id);

CREATE TABLE policy_versions (
	issuer TEXT NOT NULL,
	workspace_id TEXT NOT NULL,
	version BIGINT NOT NULL,
	policy_id TEXT NOT NULL,
	rules TEXT NOT NULL,
	count BIGINT NOT NULL,
	note TEXT NOT NULL,
	created_by TEXT NOT NULL,
	created_at TIMESTAMPTZ NOT NULL,
	PRIMARY KEY (issuer, workspace_id, version)
);

CREATE TABLE policy_decisions (
	id TEXT PRIMARY KEY,
	issuer TEXT NOT NULL,
	workspace_id TEXT NOT NULL,
	time TIMESTAMPTZ NOT NULL,
	place TEXT NOT NULL,
	outcome TEXT NOT NULL,
	changed BOOLEAN NOT NULL,
	client_id TEXT NOT NULL,
	subject TEXT NOT NULL,
	grant_id TEXT NOT NULL,
	operator_version BIGINT NOT NULL,
	version BIGINT NOT NULL,
	request TEXT NOT NULL,
	result TEXT NOT NULL,
	expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX policy_decisions_listed ON policy_decisions (issuer, workspace_id, time, id);
CREATE INDEX policy_decisions_by_expiry ON policy_decisions (expires_at);

-- How a person signed in: MFA evidence, groups, the fallback in use.
ALTER TABLE sessions ADD COLUMN sign_in TEXT NOT NULL DEFAULT '{}';
ALTER TABLE grants ADD COLUMN sign_in TEXT NOT NULL DEFAULT '{}';

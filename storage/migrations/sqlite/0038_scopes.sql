-- +goose Up
-- Scopes beside those of the configuration file: all of them, as they stood after
-- each change. They are the issuer's, and of no workspace.
CREATE TABLE scope_versions (
	issuer TEXT NOT NULL,
	version BIGINT NOT NULL,
	act TEXT NOT NULL,
	name TEXT NOT NULL,
	scopes TEXT NOT NULL,
	note TEXT NOT NULL,
	created_by TEXT NOT NULL,
	created_at DATETIME NOT NULL,
	PRIMARY KEY (issuer, version)
);

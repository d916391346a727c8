-- +goose Up
-- The people of a leaked key are told of each source by itself.
CREATE TABLE key_leak_sources (
    issuer       TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    key_id       TEXT NOT NULL,
    source       TEXT NOT NULL,
    told_at      DATETIME NOT NULL,
    PRIMARY KEY (issuer, key_id, source)
);
INSERT INTO key_leak_sources (issuer, workspace_id, key_id, source, told_at)
    SELECT issuer, workspace_id, key_id, source, told_at FROM key_leaks;

-- Who was given the text of a key that replaced another.
ALTER TABLE api_keys ADD COLUMN handed_to TEXT NOT NULL DEFAULT '';

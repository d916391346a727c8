-- +goose Up
-- Keys that change, are rotated and tell when they were used last.
ALTER TABLE api_keys ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
ALTER TABLE api_keys ADD COLUMN predecessor_id TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN successor_id TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN rotation_seconds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN rotate_at DATETIME;
ALTER TABLE api_keys ADD COLUMN last_used_at DATETIME;
ALTER TABLE api_keys ADD COLUMN last_used_ip TEXT NOT NULL DEFAULT '';
CREATE INDEX api_keys_to_rotate ON api_keys (issuer, rotate_at) WHERE state = 'active' AND rotate_at IS NOT NULL;
CREATE INDEX api_keys_by_age ON api_keys (issuer, created_at) WHERE state = 'active';

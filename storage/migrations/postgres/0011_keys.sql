-- +goose Up
SET LOCAL lock_timeout = '3s';

-- Keys that change, are rotated and tell when they were used last.
ALTER TABLE api_keys ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE api_keys ADD COLUMN predecessor_id TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN successor_id TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN rotation_seconds BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN rotate_at TIMESTAMPTZ;
ALTER TABLE api_keys ADD COLUMN last_used_at TIMESTAMPTZ;
ALTER TABLE api_keys ADD COLUMN last_used_ip TEXT NOT NULL DEFAULT '';
CREATE INDEX api_keys_to_rotate ON api_keys (issuer, rotate_at) WHERE state = 'active' AND rotate_at IS NOT NULL;
CREATE INDEX api_keys_by_age ON api_keys (issuer, created_at) WHERE state = 'active';

-- +goose Up
-- Keys that ended by themselves are found by when they did.
CREATE INDEX api_keys_by_expiry ON api_keys (issuer, expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX api_keys_by_grace ON api_keys (issuer, grace_until) WHERE grace_until IS NOT NULL;

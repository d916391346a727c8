-- +goose Up
SET LOCAL lock_timeout = '3s';

-- Until when a provider's metadata is good, as it was last seen; null if untold.
ALTER TABLE connection_metadata ADD COLUMN valid_until TIMESTAMPTZ;

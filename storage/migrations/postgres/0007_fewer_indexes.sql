-- +goose Up
SET LOCAL lock_timeout = '3s';

-- What is issued goes away by its time, not by its grant: an index by grant is a
-- random place to write for every token, one by time is always the same.
DROP INDEX access_tokens_by_grant;
DROP INDEX refresh_tokens_by_grant;
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX refresh_tokens_without_end ON refresh_tokens (grant_id) WHERE expires_at IS NULL;

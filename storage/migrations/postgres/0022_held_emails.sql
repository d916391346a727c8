-- +goose Up
SET LOCAL lock_timeout = '3s';

-- People of before 0013 have no address here yet, and somebody else could come
-- with theirs unnoticed.
UPDATE users SET email = lower(profile::json ->> 'email')
WHERE email = '' AND coalesce(profile::json ->> 'email', '') <> '';

-- +goose Up
-- People of before 0013 have no address here yet, and somebody else could come
-- with theirs unnoticed.
UPDATE users SET email = lower(json_extract(profile, '$.email'))
WHERE email = '' AND coalesce(json_extract(profile, '$.email'), '') <> '';

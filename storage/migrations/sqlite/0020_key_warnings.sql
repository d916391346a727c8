-- +goose Up
-- Whether somebody was told that the grace of a key is about to end.
ALTER TABLE api_keys ADD COLUMN grace_warned BOOLEAN NOT NULL DEFAULT FALSE;

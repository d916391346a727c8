-- +goose Up
SET LOCAL lock_timeout = '3s';

-- Sides that a connection in use was given and that nobody has signed in by yet.
ALTER TABLE connections ADD COLUMN untried TEXT NOT NULL DEFAULT '[]';

-- +goose Up
-- Sides that a connection in use was given and that nobody has signed in by yet.
ALTER TABLE connections ADD COLUMN untried TEXT NOT NULL DEFAULT '[]';

-- +goose Up
-- Whose team looks after what an act was on, and whether the actor is in it.
ALTER TABLE audit_entries ADD COLUMN actor_team TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_entries ADD COLUMN target_team TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_entries ADD COLUMN cross_team BOOLEAN NOT NULL DEFAULT 0;
CREATE INDEX audit_entries_cross_team ON audit_entries (issuer, workspace_id, time, event_id) WHERE cross_team;

-- +goose Up
SET LOCAL lock_timeout = '3s';

-- What people are given by the groups an upstream tells of them, and what was
-- given so: bindings and places in teams made by a connection.
ALTER TABLE connections ADD COLUMN group_rules TEXT NOT NULL DEFAULT 'null';
ALTER TABLE team_members ADD COLUMN made_by TEXT NOT NULL DEFAULT '';
CREATE INDEX team_members_by_maker ON team_members (issuer, workspace_id, made_by, team_id) WHERE made_by <> '';
CREATE INDEX role_bindings_by_maker ON role_bindings (issuer, workspace_id, made_by, role, environment);

-- Whose team looks after what an act was on, and whether the actor is in it.
ALTER TABLE audit_entries ADD COLUMN actor_team TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_entries ADD COLUMN target_team TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_entries ADD COLUMN cross_team BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX audit_entries_cross_team ON audit_entries (issuer, workspace_id, time, event_id) WHERE cross_team;

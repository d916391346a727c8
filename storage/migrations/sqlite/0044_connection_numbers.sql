-- +goose Up
-- The times of a connection that an administrator set.
ALTER TABLE connections ADD COLUMN numbers TEXT NOT NULL DEFAULT '{}';
-- A connection that asks for offline_access asks about its sessions from now on,
-- unless it says otherwise: what there is says so.
UPDATE connections SET oidc = json_set(CASE WHEN oidc IN ('', 'null') THEN '{}' ELSE oidc END, '$.poll_minutes', 0)
	WHERE scopes LIKE '%"offline_access"%' AND oidc NOT LIKE '%"poll_minutes"%';

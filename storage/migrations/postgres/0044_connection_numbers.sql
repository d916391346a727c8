-- +goose Up
SET LOCAL lock_timeout = '3s';

-- The times of a connection that an administrator set.
ALTER TABLE connections ADD COLUMN numbers TEXT NOT NULL DEFAULT '{}';
-- A connection that asks for offline_access asks about its sessions from now on,
-- unless it says otherwise: what there is says so.
UPDATE connections SET oidc = ((CASE WHEN oidc IN ('', 'null') THEN '{}' ELSE oidc END)::jsonb || '{"poll_minutes":0}')::text
	WHERE scopes LIKE '%"offline_access"%' AND oidc NOT LIKE '%"poll_minutes"%';

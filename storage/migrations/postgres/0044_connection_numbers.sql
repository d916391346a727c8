-- +goose Up
SET LOCAL lock_timeout = '3s';

-- The times of a connection that an administrator set.
ALTER TABLE connections ADD COLUMN numbers TEXT NOT NULL DEFAULT '{}';
-- A connection that asks for offline_access asks about its sessions from now on,
-- unless it says otherwise: what there is says so, and so does what it may be
-- rolled back to.
UPDATE connections SET oidc = CASE WHEN oidc IN ('', 'null', '{}') THEN '{"poll_minutes":0}' ELSE '{"poll_minutes":0,' || substr(oidc, 2) END
	WHERE scopes LIKE '%"offline_access"%' AND oidc !~ '"poll_minutes":[0-9]';
-- Quotes within a text are escaped, so that these are members and nothing else.
UPDATE connection_revisions SET settings =
	replace(replace(replace(settings, '"OIDC":null', '"OIDC":{}'), '"OIDC":{', '"OIDC":{"poll_minutes":0,'), '"poll_minutes":0,}', '"poll_minutes":0}')
	WHERE settings LIKE '%"offline_access"%' AND settings !~ '"poll_minutes":[0-9]';

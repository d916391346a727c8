-- +goose Up
-- The resources a person allowed a client's scopes at: null for the API alone.

ALTER TABLE consents ADD COLUMN audience TEXT NOT NULL DEFAULT 'null';

-- Service accounts are found by name for the workloads of a configuration.
CREATE INDEX service_accounts_by_name ON service_accounts (workspace_id, name);

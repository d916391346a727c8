-- +goose Up
-- How many authorization requests wait is bounded, so it must be cheap to count
-- them; those that are over are not in the index.
CREATE INDEX pushed_requests_waiting ON pushed_requests (issuer, client_id, expires_at) WHERE state = 'active';
CREATE INDEX authorization_requests_waiting ON authorization_requests (issuer, client_id, expires_at) WHERE state = 'active';

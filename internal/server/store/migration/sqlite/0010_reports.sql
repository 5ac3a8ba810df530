-- +goose Up
-- A commit that comes again on a head is found by its hash.
create index version_hash on version (project_id, hash) where hash is not null;
-- A threshold is deleted with its alerts.
create index alert_threshold on alert (threshold_id);

-- +goose Down
drop index alert_threshold;
drop index version_hash;

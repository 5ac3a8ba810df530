-- +goose Up
-- A branch with a start point has that one's thresholds unless it was told not to (head.inherits) or set its own. An inherited model
-- follows the start point's; one that was set here does not (threshold.inherited). Thresholds of before were all set.
alter table head add column inherits integer not null default 1;
alter table threshold add column inherited integer not null default 0;

-- +goose Down
alter table threshold drop column inherited;
alter table head drop column inherits;

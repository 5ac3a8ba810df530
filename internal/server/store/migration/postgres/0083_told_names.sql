-- +goose Up
-- Whom the policy had named when others were told of an event, one a line; empty: everybody who listens. What is taken back is taken back
-- from the same.
alter table change_event add column told_names text not null default '';

-- +goose Down
alter table change_event drop column told_names;

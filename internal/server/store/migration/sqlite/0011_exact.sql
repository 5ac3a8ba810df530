-- +goose Up
-- A measure that is counted and not timed: the same program gives the same value.
alter table measure add column exact integer not null default 0;
update measure set exact = 1 where slug = 'file-size';

-- +goose Down
alter table measure drop column exact;

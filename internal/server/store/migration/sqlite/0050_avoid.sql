-- +goose Up
-- Which runner could not run a job, so that it does not get it again, and until when a job waits before its next try.
create table job_avoid (
    job_id text not null references job (id) on delete cascade,
    runner_id text not null references runner (id) on delete cascade,
    reason text not null,
    created integer not null,
    primary key (job_id, runner_id)
) strict, without rowid;
create index job_avoid_runner on job_avoid (runner_id);
alter table job add column not_before integer;
create index job_pause on job (not_before) where state = 'pending' and not_before is not null;

-- Failures in a row of the runner's machine, and since when and why it gets no jobs for them. What the runner says of itself (draining) is
-- written anew with each connection, so this is apart from it.
alter table runner add column failures integer not null default 0;
alter table runner add column drained integer;
alter table runner add column drained_why text;

-- +goose Down
alter table runner drop column drained_why;
alter table runner drop column drained;
alter table runner drop column failures;
drop index job_pause;
alter table job drop column not_before;
drop table job_avoid;

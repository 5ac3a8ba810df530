-- +goose Up
-- A job is one execution on one runner; what a report waits for is a measurement: one job or several, of one image or two. in_turn: they
-- run one after the other in the order of place, all on the runner that took the first. Of what was there, each job is a measurement of
-- its own, with the job's id. parts is how many jobs the job's report waits for. A job and a runner with the same slot belong together
-- (the place of one machine in a sweep); most have none.
create table measurement (
    id text collate "C" primary key,
    project_id text collate "C" not null references project (id) on delete cascade,
    runner_id text collate "C" references runner (id),
    created bigint not null
);
create index measurement_project on measurement (project_id);
create index measurement_runner on measurement (runner_id);
insert into measurement (id, project_id, created) select id, project_id, created from job;
alter table job drop constraint job_report_id_key;
alter table job add column measurement_id text collate "C" references measurement (id) on delete cascade;
alter table job add column place bigint not null default 0;
alter table job add column parts bigint not null default 1;
alter table job add column side text collate "C" not null default 'head';
alter table job add column in_turn boolean not null default false;
alter table job add column slot_id text collate "C";
update job set measurement_id = id;
alter table job alter column measurement_id set not null;
alter table job alter column place drop default;
alter table job alter column parts drop default;
alter table job alter column side drop default;
alter table job alter column in_turn drop default;
create index job_measurement on job (measurement_id, place);
create index job_report on job (report_id);
alter table runner add column slot_id text collate "C";

-- +goose Down
alter table runner drop column slot_id;
delete from job where exists (select 1 from job before where before.report_id = job.report_id and before.place < job.place);
drop index job_report;
drop index job_measurement;
alter table job drop column slot_id;
alter table job drop column in_turn;
alter table job drop column side;
alter table job drop column parts;
alter table job drop column place;
alter table job drop column measurement_id;
alter table job add constraint job_report_id_key unique (report_id);
drop table measurement;

-- +goose Up
-- A job is one execution on one runner; what a report waits for is a measurement: one job or several, of one image or two. in_turn: they
-- run one after the other in the order of place, all on the runner that took the first. Of what was there, each job is a measurement of
-- its own, with the job's id. parts is how many jobs the job's report waits for. A job and a runner with the same slot belong together
-- (the place of one machine in a sweep); most have none.
create table measurement (
    id text primary key,
    project_id text not null references project (id) on delete cascade,
    runner_id text references runner (id),
    created integer not null
) strict;
create index measurement_project on measurement (project_id);
create index measurement_runner on measurement (runner_id);
insert into measurement (id, project_id, created) select id, project_id, created from job;

create table measured_job (
    id text primary key,
    report_id text not null references report (id) on delete cascade,
    measurement_id text not null references measurement (id) on delete cascade,
    place integer not null,
    parts integer not null,
    side text not null,
    in_turn integer not null,
    slot_id text,
    project_id text not null references project (id) on delete cascade,
    organization_id text not null references organization (id),
    source_ip text not null,
    spec_id text not null references spec (id),
    image text not null,
    digest text not null,
    config text not null,
    timeout_seconds integer not null check (timeout_seconds > 0),
    iterations integer not null,
    priority integer not null,
    state text not null,
    phase text,
    reason text,
    error text,
    epoch integer not null default 0,
    attempt integer not null default 0,
    infra_retries integer not null default 0,
    last_seq integer not null default 0,
    runner_id text references runner (id),
    lease_expires integer,
    deadline integer,
    cancel_asked integer,
    results text,
    host text,
    queued integer not null,
    claimed integer,
    started integer,
    completed integer,
    created integer not null,
    modified integer not null,
    not_before integer
) strict;
insert into measured_job (measurement_id, place, parts, side, in_turn,
    id, report_id, project_id, organization_id, source_ip, spec_id, image, digest, config, timeout_seconds, iterations, priority,
    state, phase, reason, error, epoch, attempt, infra_retries, last_seq, runner_id, lease_expires, deadline, cancel_asked,
    results, host, queued, claimed, started, completed, created, modified, not_before)
select id, 0, 1, 'head', 0,
    id, report_id, project_id, organization_id, source_ip, spec_id, image, digest, config, timeout_seconds, iterations, priority,
    state, phase, reason, error, epoch, attempt, infra_retries, last_seq, runner_id, lease_expires, deadline, cancel_asked,
    results, host, queued, claimed, started, completed, created, modified, not_before from job;

create table measured_event (
    id integer primary key,
    job_id text not null references measured_job (id) on delete cascade,
    time integer not null,
    event text not null,
    from_state text not null,
    to_state text not null,
    epoch integer not null,
    reason text,
    detail text
) strict;
insert into measured_event select id, job_id, time, event, from_state, to_state, epoch, reason, detail from job_event;

create table measured_log (
    job_id text not null references measured_job (id) on delete cascade,
    epoch integer not null,
    seq integer not null,
    iteration integer not null,
    stream text not null,
    body text not null,
    time integer not null,
    primary key (job_id, epoch, seq)
) strict, without rowid;
insert into measured_log select job_id, epoch, seq, iteration, stream, body, time from job_log;

create table measured_output (
    job_id text not null references measured_job (id) on delete cascade,
    epoch integer not null,
    iteration integer not null,
    kind text not null,
    path text not null default '',
    digest text not null,
    size integer not null,
    truncated integer not null default 0,
    created integer not null,
    primary key (job_id, epoch, iteration, kind, path)
) strict, without rowid;
insert into measured_output select job_id, epoch, iteration, kind, path, digest, size, truncated, created from job_output;

create table measured_token (
    hash text not null,
    project_id text references project (id) on delete cascade,
    repository text not null,
    actions text not null,
    job_id text references measured_job (id) on delete cascade,
    epoch integer,
    expires integer not null,
    key_hash text
) strict;
insert into measured_token select hash, project_id, repository, actions, job_id, epoch, expires, key_hash from registry_token;

create table measured_avoid (
    job_id text not null references measured_job (id) on delete cascade,
    runner_id text not null references runner (id) on delete cascade,
    reason text not null,
    created integer not null,
    said text not null default '',
    primary key (job_id, runner_id)
) strict, without rowid;
insert into measured_avoid select job_id, runner_id, reason, created, said from job_avoid;

drop table job_event;
drop table job_log;
drop table job_output;
drop table registry_token;
drop table job_avoid;
drop table job;
alter table measured_job rename to job;
alter table measured_event rename to job_event;
alter table measured_log rename to job_log;
alter table measured_output rename to job_output;
alter table measured_token rename to registry_token;
alter table measured_avoid rename to job_avoid;
create index job_pending on job (spec_id, priority desc, queued, id) where state = 'pending';
create index job_in_flight_organization on job (organization_id) where state in ('claimed', 'running');
create index job_in_flight_ip on job (source_ip) where state in ('claimed', 'running');
create index job_lease on job (lease_expires) where state in ('claimed', 'running');
create index job_completed on job (completed) where state = 'completed';
create index job_project on job (project_id, created);
create index job_runner on job (runner_id);
create index job_pause on job (not_before) where state = 'pending' and not_before is not null;
create index job_event_job on job_event (job_id);
create index job_output_digest on job_output (digest);
create index registry_token_hash on registry_token (hash);
create index registry_token_expires on registry_token (expires);
create index registry_token_project on registry_token (project_id);
create index registry_token_job on registry_token (job_id);
create index job_avoid_runner on job_avoid (runner_id);
create index job_measurement on job (measurement_id, place);
create index job_report on job (report_id);
alter table runner add column slot_id text;

-- +goose Down
alter table runner drop column slot_id;
create table single_job (
    id text primary key,
    report_id text not null unique references report (id) on delete cascade,
    project_id text not null references project (id) on delete cascade,
    organization_id text not null references organization (id),
    source_ip text not null,
    spec_id text not null references spec (id),
    image text not null,
    digest text not null,
    config text not null,
    timeout_seconds integer not null check (timeout_seconds > 0),
    iterations integer not null,
    priority integer not null,
    state text not null,
    phase text,
    reason text,
    error text,
    epoch integer not null default 0,
    attempt integer not null default 0,
    infra_retries integer not null default 0,
    last_seq integer not null default 0,
    runner_id text references runner (id),
    lease_expires integer,
    deadline integer,
    cancel_asked integer,
    results text,
    host text,
    queued integer not null,
    claimed integer,
    started integer,
    completed integer,
    created integer not null,
    modified integer not null,
    not_before integer
) strict;
insert into single_job (
    id, report_id, project_id, organization_id, source_ip, spec_id, image, digest, config, timeout_seconds, iterations, priority,
    state, phase, reason, error, epoch, attempt, infra_retries, last_seq, runner_id, lease_expires, deadline, cancel_asked,
    results, host, queued, claimed, started, completed, created, modified, not_before)
select
    id, report_id, project_id, organization_id, source_ip, spec_id, image, digest, config, timeout_seconds, iterations, priority,
    state, phase, reason, error, epoch, attempt, infra_retries, last_seq, runner_id, lease_expires, deadline, cancel_asked,
    results, host, queued, claimed, started, completed, created, modified, not_before from job
where not exists (select 1 from job before where before.report_id = job.report_id and before.place < job.place);
delete from job_event where job_id is not null and job_id not in (select id from single_job);
delete from job_log where job_id is not null and job_id not in (select id from single_job);
delete from job_output where job_id is not null and job_id not in (select id from single_job);
delete from registry_token where job_id is not null and job_id not in (select id from single_job);
delete from job_avoid where job_id is not null and job_id not in (select id from single_job);

create table single_event (
    id integer primary key,
    job_id text not null references single_job (id) on delete cascade,
    time integer not null,
    event text not null,
    from_state text not null,
    to_state text not null,
    epoch integer not null,
    reason text,
    detail text
) strict;
insert into single_event select id, job_id, time, event, from_state, to_state, epoch, reason, detail from job_event;

create table single_log (
    job_id text not null references single_job (id) on delete cascade,
    epoch integer not null,
    seq integer not null,
    iteration integer not null,
    stream text not null,
    body text not null,
    time integer not null,
    primary key (job_id, epoch, seq)
) strict, without rowid;
insert into single_log select job_id, epoch, seq, iteration, stream, body, time from job_log;

create table single_output (
    job_id text not null references single_job (id) on delete cascade,
    epoch integer not null,
    iteration integer not null,
    kind text not null,
    path text not null default '',
    digest text not null,
    size integer not null,
    truncated integer not null default 0,
    created integer not null,
    primary key (job_id, epoch, iteration, kind, path)
) strict, without rowid;
insert into single_output select job_id, epoch, iteration, kind, path, digest, size, truncated, created from job_output;

create table single_token (
    hash text not null,
    project_id text references project (id) on delete cascade,
    repository text not null,
    actions text not null,
    job_id text references single_job (id) on delete cascade,
    epoch integer,
    expires integer not null,
    key_hash text
) strict;
insert into single_token select hash, project_id, repository, actions, job_id, epoch, expires, key_hash from registry_token;

create table single_avoid (
    job_id text not null references single_job (id) on delete cascade,
    runner_id text not null references runner (id) on delete cascade,
    reason text not null,
    created integer not null,
    said text not null default '',
    primary key (job_id, runner_id)
) strict, without rowid;
insert into single_avoid select job_id, runner_id, reason, created, said from job_avoid;

drop table job_event;
drop table job_log;
drop table job_output;
drop table registry_token;
drop table job_avoid;
drop table job;
alter table single_job rename to job;
alter table single_event rename to job_event;
alter table single_log rename to job_log;
alter table single_output rename to job_output;
alter table single_token rename to registry_token;
alter table single_avoid rename to job_avoid;
create index job_pending on job (spec_id, priority desc, queued, id) where state = 'pending';
create index job_in_flight_organization on job (organization_id) where state in ('claimed', 'running');
create index job_in_flight_ip on job (source_ip) where state in ('claimed', 'running');
create index job_lease on job (lease_expires) where state in ('claimed', 'running');
create index job_completed on job (completed) where state = 'completed';
create index job_project on job (project_id, created);
create index job_runner on job (runner_id);
create index job_pause on job (not_before) where state = 'pending' and not_before is not null;
create index job_event_job on job_event (job_id);
create index job_output_digest on job_output (digest);
create index registry_token_hash on registry_token (hash);
create index registry_token_expires on registry_token (expires);
create index registry_token_project on registry_token (project_id);
create index registry_token_job on registry_token (job_id);
create index job_avoid_runner on job_avoid (runner_id);
drop table measurement;

-- +goose Up
-- Ids are UUIDv7 as TEXT, readable in a shell; the two tables that grow without end (report, metric) have integer keys inside, so that
-- a metric row stays small. Times are INTEGER microseconds since 1970 UTC, booleans INTEGER 0/1, JSON is TEXT and never filtered on.

create table organization (
    id text primary key,
    name text not null,
    slug text not null unique,
    plan text not null default 'free',
    created integer not null,
    modified integer not null
) strict;

create table account (
    id text primary key,
    name text not null,
    slug text not null unique,
    admin integer not null default 0,
    created integer not null
) strict;

create table organization_role (
    account_id text not null references account (id) on delete cascade,
    organization_id text not null references organization (id) on delete cascade,
    role text not null,
    created integer not null,
    primary key (account_id, organization_id)
) strict;

create table project (
    id text primary key,
    organization_id text not null references organization (id),
    name text not null,
    slug text not null unique,
    url text,
    visibility text not null default 'public',
    created integer not null,
    modified integer not null,
    deleted integer
) strict;
create index project_organization on project (organization_id);

-- A key acts for an account (kind user) or for one project (kind run). Runner keys stand in the runner's row.
create table api_key (
    id text primary key,
    kind text not null,
    hash text not null unique,
    hint text not null,
    name text not null,
    account_id text references account (id) on delete cascade,
    project_id text references project (id) on delete cascade,
    created integer not null,
    expires integer,
    revoked integer,
    last_used integer
) strict;
create index api_key_account on api_key (account_id);
create index api_key_project on api_key (project_id);

create table branch (
    id text primary key,
    project_id text not null references project (id) on delete cascade,
    name text not null,
    slug text not null,
    head_id text not null,
    created integer not null,
    modified integer not null,
    archived integer,
    unique (project_id, name),
    unique (project_id, slug)
) strict;

create table head (
    id text primary key,
    branch_id text not null references branch (id) on delete cascade deferrable initially deferred,
    start_branch_id text,
    start_head_id text,
    start_version_id text,
    created integer not null,
    replaced integer
) strict;
create index head_branch on head (branch_id);

create table version (
    id text primary key,
    project_id text not null references project (id) on delete cascade,
    number integer not null,
    hash text
) strict;

-- m:n: a head that starts from another one shares its versions, and with them the metrics, without a copy.
create table head_version (
    head_id text not null references head (id) on delete cascade,
    version_id text not null references version (id) on delete cascade,
    number integer not null,
    primary key (head_id, version_id)
) strict, without rowid;
create index head_version_number on head_version (head_id, number);
create index head_version_version on head_version (version_id);

create table testbed (
    id text primary key,
    project_id text not null references project (id) on delete cascade,
    name text not null,
    slug text not null,
    spec_id text,
    created integer not null,
    modified integer not null,
    archived integer,
    unique (project_id, name),
    unique (project_id, slug)
) strict;

create table benchmark (
    id text primary key,
    project_id text not null references project (id) on delete cascade,
    name text not null,
    slug text not null,
    created integer not null,
    modified integer not null,
    archived integer,
    unique (project_id, name),
    unique (project_id, slug)
) strict;

create table measure (
    id text primary key,
    project_id text not null references project (id) on delete cascade,
    name text not null,
    slug text not null,
    units text not null,
    direction text not null default 'unknown',
    created integer not null,
    modified integer not null,
    archived integer,
    unique (project_id, name),
    unique (project_id, slug)
) strict;

create table report (
    seq integer primary key,
    id text not null unique,
    project_id text not null references project (id) on delete cascade,
    account_id text references account (id) on delete set null,
    head_id text not null references head (id),
    version_id text not null references version (id),
    testbed_id text not null references testbed (id),
    spec_id text,
    adapter text not null,
    settings text not null default '{}',
    thresholds text,
    context text,
    host text,
    status text not null,
    error text,
    recognised text,
    problems text,
    warnings text,
    counts text not null default '{}',
    idempotency_key text,
    request_hash text,
    start_time integer not null,
    end_time integer not null,
    created integer not null
) strict;
create unique index report_idempotency on report (project_id, idempotency_key) where idempotency_key is not null;
create index report_project on report (project_id, start_time);
create index report_version on report (version_id);
create index report_testbed on report (testbed_id, version_id);
create index report_head on report (head_id);

-- The raw tool output of a report, so that a better parser can read it again.
create table report_input (
    report_id text not null references report (id) on delete cascade,
    iteration integer not null,
    digest text not null,
    size integer not null,
    primary key (report_id, iteration)
) strict;
create index report_input_digest on report_input (digest);

-- What identifies a line of points, apart from the branch, which comes in through the version.
create table series (
    id integer primary key,
    testbed_id text not null references testbed (id) on delete cascade,
    benchmark_id text not null references benchmark (id) on delete cascade,
    measure_id text not null references measure (id) on delete cascade,
    unique (benchmark_id, measure_id, testbed_id)
) strict;
create index series_measure on series (measure_id);
create index series_testbed on series (testbed_id);

create table metric (
    id integer primary key,
    series_id integer not null references series (id) on delete cascade,
    report_seq integer not null references report (seq) on delete cascade,
    iteration integer not null,
    value real not null,
    lower_value real,
    upper_value real,
    model_id text,
    baseline real,
    lower_limit real,
    upper_limit real,
    unique (series_id, report_seq, iteration)
) strict;
create index metric_report on metric (report_seq);

-- Every sample of a metric: little-endian float64, in the order of the tool.
create table metric_sample (
    metric_id integer primary key references metric (id) on delete cascade,
    samples blob not null
) strict;

create table threshold (
    id text primary key,
    project_id text not null references project (id) on delete cascade,
    branch_id text not null references branch (id) on delete cascade,
    testbed_id text not null references testbed (id) on delete cascade,
    measure_id text not null references measure (id) on delete cascade,
    model_id text,
    created integer not null,
    modified integer not null,
    unique (branch_id, testbed_id, measure_id)
) strict;
create index threshold_project on threshold (project_id);

-- Models are never changed, only replaced: a boundary keeps naming the one that drew it.
create table model (
    id text primary key,
    threshold_id text not null references threshold (id) on delete cascade,
    test text not null,
    min_sample_size integer,
    max_sample_size integer,
    window_seconds integer,
    lower_boundary real,
    upper_boundary real,
    created integer not null,
    replaced integer
) strict;
create index model_threshold on model (threshold_id);

create table alert (
    id text primary key,
    project_id text not null references project (id) on delete cascade,
    metric_id integer not null unique references metric (id) on delete cascade,
    report_id text not null references report (id) on delete cascade,
    threshold_id text not null references threshold (id) on delete cascade,
    model_id text not null,
    head_id text not null,
    boundary_limit text not null,
    status text not null,
    created integer not null,
    modified integer not null
) strict;
create index alert_project on alert (project_id, status, created);
create index alert_report on alert (report_id);
create index alert_head on alert (head_id);

create table spec (
    id text primary key,
    name text not null unique,
    slug text not null unique,
    os text not null,
    architecture text not null,
    isolation text not null,
    cpu integer not null check (cpu > 0),
    memory integer not null check (memory > 0),
    disk integer not null check (disk > 0),
    network integer not null default 0,
    fallback integer,
    created integer not null,
    modified integer not null,
    archived integer
) strict;
create unique index spec_fallback on spec ((1)) where fallback is not null;

create table runner (
    id text primary key,
    name text not null unique,
    slug text not null unique,
    key_hash text not null unique,
    last_heartbeat integer,
    draining integer not null default 0,
    meta text,
    created integer not null,
    modified integer not null,
    archived integer
) strict;

create table runner_spec (
    runner_id text not null references runner (id) on delete cascade,
    spec_id text not null references spec (id),
    primary key (runner_id, spec_id)
) strict, without rowid;
create index runner_spec_spec on runner_spec (spec_id);

create table job (
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
    modified integer not null
) strict;
create index job_pending on job (spec_id, priority desc, queued, id) where state = 'pending';
create index job_in_flight_organization on job (organization_id) where state in ('claimed', 'running');
create index job_in_flight_ip on job (source_ip) where state in ('claimed', 'running');
create index job_lease on job (lease_expires) where state in ('claimed', 'running');
create index job_completed on job (completed) where state = 'completed';
create index job_project on job (project_id, created);
create index job_runner on job (runner_id);

create table job_event (
    id integer primary key,
    job_id text not null references job (id) on delete cascade,
    time integer not null,
    event text not null,
    from_state text not null,
    to_state text not null,
    epoch integer not null,
    reason text,
    detail text
) strict;
create index job_event_job on job_event (job_id);

-- Live output while a job runs; the whole of it comes as job_output at the end, and these rows go.
create table job_log (
    job_id text not null references job (id) on delete cascade,
    epoch integer not null,
    seq integer not null,
    iteration integer not null,
    stream text not null,
    body text not null,
    time integer not null,
    primary key (job_id, epoch, seq)
) strict, without rowid;

create table job_output (
    job_id text not null references job (id) on delete cascade,
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
create index job_output_digest on job_output (digest);

-- +goose Down
drop table job_output;
drop table job_log;
drop table job_event;
drop table job;
drop table runner_spec;
drop table runner;
drop table spec;
drop table alert;
drop table model;
drop table threshold;
drop table metric_sample;
drop table metric;
drop table series;
drop table report_input;
drop table report;
drop table measure;
drop table benchmark;
drop table testbed;
drop table head_version;
drop table version;
drop table head;
drop table branch;
drop table api_key;
drop table project;
drop table organization_role;
drop table account;
drop table organization;

-- +goose Up
-- What the folder of SQLite has at this number: PostgreSQL begins here. From now on the folders have the same numbers, and a test compares
-- the tables and columns at the newest.
--
-- Ids are UUIDv7 as text, readable in a shell; tables that grow without end have integer keys. Times are bigint microseconds since 1970 UTC.
-- JSON is text and never filtered on. Text is compared byte by byte (collation "C"), as SQLite does, so that names have the same order.


create table organization (
    id text collate "C" primary key,
    name text collate "C" not null,
    slug text collate "C" not null unique,
    plan text collate "C" not null default 'free',
    created bigint not null,
    modified bigint not null
);

create table account (
    id text collate "C" primary key,
    name text collate "C" not null,
    slug text collate "C" not null unique,
    admin boolean not null default false,
    created bigint not null
);

create table organization_role (
    account_id text collate "C" not null references account (id) on delete cascade,
    organization_id text collate "C" not null references organization (id) on delete cascade,
    role text collate "C" not null,
    created bigint not null,
    primary key (account_id, organization_id)
);

create table project (
    id text collate "C" primary key,
    organization_id text collate "C" not null references organization (id),
    name text collate "C" not null,
    slug text collate "C" not null unique,
    url text collate "C",
    visibility text collate "C" not null default 'public',
    created bigint not null,
    modified bigint not null,
    deleted bigint
);
create index project_organization on project (organization_id);

-- A key acts for an account (kind user) or for one project (kind run). Runner keys stand in the runner's row.
create table api_key (
    id text collate "C" primary key,
    kind text collate "C" not null,
    hash text collate "C" not null unique,
    hint text collate "C" not null,
    name text collate "C" not null,
    account_id text collate "C" references account (id) on delete cascade,
    project_id text collate "C" references project (id) on delete cascade,
    created bigint not null,
    expires bigint,
    revoked bigint,
    last_used bigint
);
create index api_key_account on api_key (account_id);
create index api_key_project on api_key (project_id);

create table branch (
    id text collate "C" primary key,
    project_id text collate "C" not null references project (id) on delete cascade,
    name text collate "C" not null,
    slug text collate "C" not null,
    head_id text collate "C" not null,
    created bigint not null,
    modified bigint not null,
    archived bigint,
    unique (project_id, name),
    unique (project_id, slug)
);

create table head (
    id text collate "C" primary key,
    branch_id text collate "C" not null references branch (id) on delete cascade deferrable initially deferred,
    start_branch_id text collate "C",
    start_head_id text collate "C",
    start_version_id text collate "C",
    created bigint not null,
    replaced bigint,
    inherits boolean not null default true
);
create index head_branch on head (branch_id);

create table version (
    id text collate "C" primary key,
    project_id text collate "C" not null references project (id) on delete cascade,
    number bigint not null,
    hash text collate "C"
);

-- m:n: a head that starts from another one shares its versions, and with them the metrics, without a copy.
create table head_version (
    head_id text collate "C" not null references head (id) on delete cascade,
    version_id text collate "C" not null references version (id) on delete cascade,
    number bigint not null,
    primary key (head_id, version_id)
);
create index head_version_number on head_version (head_id, number);
create index head_version_version on head_version (version_id);

create table testbed (
    id text collate "C" primary key,
    project_id text collate "C" not null references project (id) on delete cascade,
    name text collate "C" not null,
    slug text collate "C" not null,
    spec_id text collate "C",
    created bigint not null,
    modified bigint not null,
    archived bigint,
    unique (project_id, name),
    unique (project_id, slug)
);

create table benchmark (
    id text collate "C" primary key,
    project_id text collate "C" not null references project (id) on delete cascade,
    name text collate "C" not null,
    slug text collate "C" not null,
    created bigint not null,
    modified bigint not null,
    archived bigint,
    unique (project_id, name),
    unique (project_id, slug)
);

create table measure (
    id text collate "C" primary key,
    project_id text collate "C" not null references project (id) on delete cascade,
    name text collate "C" not null,
    slug text collate "C" not null,
    units text collate "C" not null,
    direction text collate "C" not null default 'unknown',
    created bigint not null,
    modified bigint not null,
    archived bigint,
    exact boolean not null default false,
    unique (project_id, name),
    unique (project_id, slug)
);

create table report (
    seq bigint generated by default as identity primary key,
    id text collate "C" not null unique,
    project_id text collate "C" not null references project (id) on delete cascade,
    account_id text collate "C" references account (id) on delete set null,
    head_id text collate "C" not null references head (id),
    version_id text collate "C" not null references version (id),
    testbed_id text collate "C" not null references testbed (id),
    spec_id text collate "C",
    adapter text collate "C" not null,
    settings text collate "C" not null default '{}',
    thresholds text collate "C",
    context text collate "C",
    host text collate "C",
    status text collate "C" not null,
    error text collate "C",
    recognised text collate "C",
    problems text collate "C",
    warnings text collate "C",
    counts text collate "C" not null default '{}',
    idempotency_key text collate "C",
    request_hash text collate "C",
    start_time bigint not null,
    end_time bigint not null,
    created bigint not null,
    dirty boolean not null default false
);
create unique index report_idempotency on report (project_id, idempotency_key) where idempotency_key is not null;
create index report_project on report (project_id, start_time);
create index report_version on report (version_id);
create index report_testbed on report (testbed_id, version_id);
create index report_head on report (head_id);

-- The raw tool output of a report, so that a better parser can read it again.
create table report_input (
    report_id text collate "C" not null references report (id) on delete cascade,
    iteration bigint not null,
    digest text collate "C" not null,
    size bigint not null,
    primary key (report_id, iteration)
);
create index report_input_digest on report_input (digest);

-- What identifies a line of points, apart from the branch, which comes in through the version.
create table series (
    id bigint generated by default as identity primary key,
    testbed_id text collate "C" not null references testbed (id) on delete cascade,
    benchmark_id text collate "C" not null references benchmark (id) on delete cascade,
    measure_id text collate "C" not null references measure (id) on delete cascade,
    unique (benchmark_id, measure_id, testbed_id)
);
create index series_measure on series (measure_id);
create index series_testbed on series (testbed_id);

create table threshold (
    id text collate "C" primary key,
    project_id text collate "C" not null references project (id) on delete cascade,
    branch_id text collate "C" not null references branch (id) on delete cascade,
    testbed_id text collate "C" not null references testbed (id) on delete cascade,
    measure_id text collate "C" not null references measure (id) on delete cascade,
    model_id text collate "C",
    created bigint not null,
    modified bigint not null,
    inherited boolean not null default false,
    unique (branch_id, testbed_id, measure_id)
);
create index threshold_project on threshold (project_id);

-- Where the ids of metrics come from: each number is followed by as many free ones as a report may have metrics, so that what is written at
-- once has ids in a row, and two servers never wait for each other's.
create sequence metric_number increment by 1048576 start with 1048576;

-- Metrics lie by series and report: a line of years is one range, and a new value's history is the end of one. So a metric has no row number;
-- its public UUID is made from id, which metric_part turns back into a place. A part is what was written of a report's iteration at once, in
-- the order of the tool: its metrics have the ids first_id, first_id + 1, …, and lines names their series, the first by its number and each
-- other by the distance from the one before it, so that most take two bytes.
create table metric_part (
    first_id bigint primary key,
    report_seq bigint not null references report (seq),
    iteration bigint not null,
    metrics bigint not null check (metrics > 0),
    lines text collate "C" not null
);
create index metric_part_report on metric_part (report_seq, first_id);

-- A model's number is never given again: metrics keep naming a model that went with its threshold.
create table model (
    seq bigint generated by default as identity primary key,
    id text collate "C" not null unique,
    threshold_id text collate "C" not null references threshold (id) on delete cascade,
    test text collate "C" not null,
    min_sample_size bigint,
    max_sample_size bigint,
    window_seconds bigint,
    lower_boundary double precision,
    upper_boundary double precision,
    created bigint not null,
    replaced bigint
);
create index model_threshold on model (threshold_id);

-- Alerts and samples name a metric by its id and go with it: whoever deletes metrics deletes them.
create table alert (
    id text collate "C" primary key,
    project_id text collate "C" not null references project (id) on delete cascade,
    metric_id bigint not null unique,
    report_id text collate "C" not null references report (id) on delete cascade,
    threshold_id text collate "C" not null references threshold (id) on delete cascade,
    model_id text collate "C" not null,
    head_id text collate "C" not null,
    boundary_limit text collate "C" not null,
    status text collate "C" not null,
    created bigint not null,
    modified bigint not null
);
create index alert_project on alert (project_id, status, created);
create index alert_report on alert (report_id);
create index alert_head on alert (head_id);
create index alert_threshold on alert (threshold_id);

create table metric_sample (
    metric_id bigint primary key,
    samples bytea not null
);

create table metric (
    series_id bigint not null references series (id) on delete cascade,
    report_seq bigint not null,
    iteration bigint not null,
    id bigint not null,
    value double precision not null,
    lower_value double precision,
    upper_value double precision,
    model_seq bigint,
    baseline double precision,
    lower_limit double precision,
    upper_limit double precision,
    primary key (series_id, report_seq, iteration)
);

create table spec (
    id text collate "C" primary key,
    name text collate "C" not null unique,
    slug text collate "C" not null unique,
    os text collate "C" not null,
    architecture text collate "C" not null,
    isolation text collate "C" not null,
    cpu bigint not null check (cpu > 0),
    memory bigint not null check (memory > 0),
    disk bigint not null check (disk > 0),
    network boolean not null default false,
    fallback bigint,
    created bigint not null,
    modified bigint not null,
    archived bigint
);
create unique index spec_fallback on spec ((1)) where fallback is not null;

create table runner (
    id text collate "C" primary key,
    name text collate "C" not null unique,
    slug text collate "C" not null unique,
    key_hash text collate "C" not null unique,
    last_heartbeat bigint,
    draining boolean not null default false,
    meta text collate "C",
    created bigint not null,
    modified bigint not null,
    archived bigint,
    failures bigint not null default 0,
    drained bigint,
    drained_why text collate "C"
);

create table runner_spec (
    runner_id text collate "C" not null references runner (id) on delete cascade,
    spec_id text collate "C" not null references spec (id),
    primary key (runner_id, spec_id)
);
create index runner_spec_spec on runner_spec (spec_id);

create table job (
    id text collate "C" primary key,
    report_id text collate "C" not null unique references report (id) on delete cascade,
    project_id text collate "C" not null references project (id) on delete cascade,
    organization_id text collate "C" not null references organization (id),
    source_ip text collate "C" not null,
    spec_id text collate "C" not null references spec (id),
    image text collate "C" not null,
    digest text collate "C" not null,
    config text collate "C" not null,
    timeout_seconds bigint not null check (timeout_seconds > 0),
    iterations bigint not null,
    priority bigint not null,
    state text collate "C" not null,
    phase text collate "C",
    reason text collate "C",
    error text collate "C",
    epoch bigint not null default 0,
    attempt bigint not null default 0,
    infra_retries bigint not null default 0,
    last_seq bigint not null default 0,
    runner_id text collate "C" references runner (id),
    lease_expires bigint,
    deadline bigint,
    cancel_asked bigint,
    results text collate "C",
    host text collate "C",
    queued bigint not null,
    claimed bigint,
    started bigint,
    completed bigint,
    created bigint not null,
    modified bigint not null,
    not_before bigint
);
create index job_pending on job (spec_id, priority desc, queued, id) where state = 'pending';
create index job_in_flight_organization on job (organization_id) where state in ('claimed', 'running');
create index job_in_flight_ip on job (source_ip) where state in ('claimed', 'running');
create index job_lease on job (lease_expires) where state in ('claimed', 'running');
create index job_completed on job (completed) where state = 'completed';
create index job_project on job (project_id, created);
create index job_runner on job (runner_id);

create table job_event (
    id bigint generated by default as identity primary key,
    job_id text collate "C" not null references job (id) on delete cascade,
    time bigint not null,
    event text collate "C" not null,
    from_state text collate "C" not null,
    to_state text collate "C" not null,
    epoch bigint not null,
    reason text collate "C",
    detail text collate "C"
);
create index job_event_job on job_event (job_id);

-- Live output while a job runs; the whole of it comes as job_output at the end, and these rows go.
create table job_log (
    job_id text collate "C" not null references job (id) on delete cascade,
    epoch bigint not null,
    seq bigint not null,
    iteration bigint not null,
    stream text collate "C" not null,
    body text collate "C" not null,
    time bigint not null,
    primary key (job_id, epoch, seq)
);

create table job_output (
    job_id text collate "C" not null references job (id) on delete cascade,
    epoch bigint not null,
    iteration bigint not null,
    kind text collate "C" not null,
    path text collate "C" not null default '',
    digest text collate "C" not null,
    size bigint not null,
    truncated boolean not null default false,
    created bigint not null,
    primary key (job_id, epoch, iteration, kind, path)
);
create index job_output_digest on job_output (digest);

-- The registry. A blob's bytes lie once in the blob store; these rows say which project may see them. repository is the part of an
-- image's name after the project: '' for "project", 'bench/go' for "project/bench/go". Digests are 'sha256:' and 64 hex digits.

create table registry_blob (
    project_id text collate "C" not null references project (id) on delete cascade,
    digest text collate "C" not null,
    size bigint not null,
    created bigint not null,
    primary key (project_id, digest)
);
create index registry_blob_digest on registry_blob (digest);

create table registry_manifest (
    id bigint generated by default as identity primary key,
    project_id text collate "C" not null references project (id) on delete cascade,
    repository text collate "C" not null,
    digest text collate "C" not null,
    media_type text collate "C" not null,
    artifact_type text collate "C" not null default '',
    subject text collate "C",
    annotations text collate "C",
    size bigint not null,
    body bytea not null,
    created bigint not null,
    unique (project_id, repository, digest)
);
create index registry_manifest_subject on registry_manifest (project_id, repository, subject) where subject is not null;

-- What a manifest names: config and layers, or the children of an index. Blobs that are named here by nobody in their project are
-- left over from a push that was given up.
create table registry_reference (
    manifest_id bigint not null references registry_manifest (id) on delete cascade,
    project_id text collate "C" not null,
    digest text collate "C" not null,
    primary key (manifest_id, digest)
);
create index registry_reference_digest on registry_reference (project_id, digest);

create table registry_tag (
    project_id text collate "C" not null references project (id) on delete cascade,
    repository text collate "C" not null,
    tag text collate "C" not null,
    digest text collate "C" not null,
    modified bigint not null,
    primary key (project_id, repository, tag),
    foreign key (project_id, repository, digest) references registry_manifest (project_id, repository, digest) on delete cascade
);
create index registry_tag_digest on registry_tag (project_id, repository, digest);

-- An upload session belongs to the repository that began it; its bytes are the blob store's business under the same id.
create table registry_upload (
    id text collate "C" primary key,
    project_id text collate "C" not null references project (id) on delete cascade,
    repository text collate "C" not null,
    created bigint not null
);

-- One row for each scope of a token; a token without scopes (a login) has one row without project. repository '*' is every one of the
-- project. A token with job_id holds only while that job runs in that epoch.
create table registry_token (
    hash text collate "C" not null,
    project_id text collate "C" references project (id) on delete cascade,
    repository text collate "C" not null,
    actions text collate "C" not null,
    job_id text collate "C" references job (id) on delete cascade,
    epoch bigint,
    expires bigint not null,
    key_hash text collate "C"
);
create index registry_token_hash on registry_token (hash);
create index registry_token_expires on registry_token (expires);
create index registry_token_project on registry_token (project_id);
create index registry_token_job on registry_token (job_id);
create index registry_upload_project on registry_upload (project_id);

-- A commit that comes again on a head is found by its hash.
create index version_hash on version (project_id, hash) where hash is not null;

-- The heads whose reports are a head's own history: itself, and those that its versions were copied from. A version is shared by all
-- heads that copied it, so without this a branch that measures a commit of its start point would write into the start point's history.
create table head_lineage (
    head_id text collate "C" not null references head (id) on delete cascade deferrable initially deferred,
    ancestor_id text collate "C" not null references head (id) on delete cascade deferrable initially deferred,
    primary key (head_id, ancestor_id)
);
create index head_lineage_ancestor on head_lineage (ancestor_id);

-- What says which repository a project of this machine's own store was made from, so that two of one name do not share a project: the
-- address of its origin, its first commit, its folder (kinds url, root, folder). A project without rows takes the next one of its name.
create table project_repository (
    project_id text collate "C" not null references project (id) on delete cascade,
    kind text collate "C" not null,
    value text collate "C" not null,
    primary key (kind, value, project_id)
);
create index project_repository_project on project_repository (project_id);

-- Reports that are being written, or were when a process died.
create index report_pending on report (seq) where status = 'pending';

-- Which runner could not run a job, so that it does not get it again, and until when a job waits before its next try.
create table job_avoid (
    job_id text collate "C" not null references job (id) on delete cascade,
    runner_id text collate "C" not null references runner (id) on delete cascade,
    reason text collate "C" not null,
    created bigint not null,
    said text collate "C" not null default '',
    primary key (job_id, runner_id)
);
create index job_avoid_runner on job_avoid (runner_id);
create index job_pause on job (not_before) where state = 'pending' and not_before is not null;

-- Reports that nobody sees any more, and whose rows are being removed.
create index report_deleted on report (seq) where status = 'deleted';

-- +goose Down
drop table job_avoid cascade;
drop table project_repository cascade;
drop table head_lineage cascade;
drop table registry_token cascade;
drop table registry_upload cascade;
drop table registry_tag cascade;
drop table registry_reference cascade;
drop table registry_manifest cascade;
drop table registry_blob cascade;
drop table job_output cascade;
drop table job_log cascade;
drop table job_event cascade;
drop table job cascade;
drop table runner_spec cascade;
drop table runner cascade;
drop table spec cascade;
drop table metric cascade;
drop table metric_sample cascade;
drop table alert cascade;
drop table model cascade;
drop table metric_part cascade;
drop table threshold cascade;
drop table series cascade;
drop table report_input cascade;
drop table report cascade;
drop table measure cascade;
drop table benchmark cascade;
drop table testbed cascade;
drop table head_version cascade;
drop table version cascade;
drop table head cascade;
drop table branch cascade;
drop table api_key cascade;
drop table project cascade;
drop table organization_role cascade;
drop table account cascade;
drop table organization cascade;
drop sequence metric_number;

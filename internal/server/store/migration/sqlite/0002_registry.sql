-- +goose Up
-- The registry. A blob's bytes lie once in the blob store; these rows say which project may see them. repository is the part of an
-- image's name after the project: '' for "project", 'bench/go' for "project/bench/go". Digests are 'sha256:' and 64 hex digits.

create table registry_blob (
    project_id text not null references project (id) on delete cascade,
    digest text not null,
    size integer not null,
    created integer not null,
    primary key (project_id, digest)
) strict, without rowid;
create index registry_blob_digest on registry_blob (digest);

create table registry_manifest (
    id integer primary key,
    project_id text not null references project (id) on delete cascade,
    repository text not null,
    digest text not null,
    media_type text not null,
    artifact_type text not null default '',
    subject text,
    annotations text,
    size integer not null,
    body blob not null,
    created integer not null,
    unique (project_id, repository, digest)
) strict;
create index registry_manifest_subject on registry_manifest (project_id, repository, subject) where subject is not null;

-- What a manifest names: config and layers, or the children of an index. Blobs that are named here by nobody in their project are
-- left over from a push that was given up.
create table registry_reference (
    manifest_id integer not null references registry_manifest (id) on delete cascade,
    project_id text not null,
    digest text not null,
    primary key (manifest_id, digest)
) strict, without rowid;
create index registry_reference_digest on registry_reference (project_id, digest);

create table registry_tag (
    project_id text not null references project (id) on delete cascade,
    repository text not null,
    tag text not null,
    digest text not null,
    modified integer not null,
    primary key (project_id, repository, tag),
    foreign key (project_id, repository, digest) references registry_manifest (project_id, repository, digest) on delete cascade
) strict, without rowid;
create index registry_tag_digest on registry_tag (project_id, repository, digest);

-- An upload session belongs to the repository that began it; its bytes are the blob store's business under the same id.
create table registry_upload (
    id text primary key,
    project_id text not null references project (id) on delete cascade,
    repository text not null,
    created integer not null
) strict;

-- One row for each scope of a token; a token without scopes (a login) has one row without project. repository '*' is every one of the
-- project. A token with job_id holds only while that job runs in that epoch.
create table registry_token (
    hash text not null,
    project_id text references project (id) on delete cascade,
    repository text not null,
    actions text not null,
    job_id text references job (id) on delete cascade,
    epoch integer,
    expires integer not null
) strict;
create index registry_token_hash on registry_token (hash);
create index registry_token_expires on registry_token (expires);
create index registry_token_project on registry_token (project_id);
create index registry_token_job on registry_token (job_id);
create index registry_upload_project on registry_upload (project_id);

-- +goose Down
drop table registry_token;
drop table registry_upload;
drop table registry_tag;
drop table registry_reference;
drop table registry_manifest;
drop table registry_blob;

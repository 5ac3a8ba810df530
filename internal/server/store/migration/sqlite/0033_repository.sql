-- +goose Up
-- What says which repository a project of this machine's own store was made from, so that two of one name do not share a project: the
-- address of its origin, its first commit, its folder (kinds url, root, folder). A project without rows takes the next one of its name.
create table project_repository (
    project_id text not null references project (id) on delete cascade,
    kind text not null,
    value text not null,
    primary key (kind, value, project_id)
) strict, without rowid;
create index project_repository_project on project_repository (project_id);

-- +goose Down
drop table project_repository;

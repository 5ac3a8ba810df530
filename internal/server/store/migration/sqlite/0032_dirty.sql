-- +goose Up
-- Results of a work tree with uncommitted changes stand at a commit that they do not belong to. The context says so, too; a column can be
-- asked for by whoever looks for a commit's own value.
alter table report add column dirty integer not null default 0;
update report set dirty = 1 where context is not null
    and (json_extract(context, '$."tachograph.dev/v0/branch/dirty"') = 'true' or json_extract(context, '$."bencher.dev/v0/branch/dirty"') = 'true');

-- +goose Down
alter table report drop column dirty;

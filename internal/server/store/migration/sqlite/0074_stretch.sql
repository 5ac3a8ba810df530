-- +goose Up
-- A head that starts at a version of another one no longer copies that one's versions. head_version has a head's own versions alone, and
-- head_lineage says which of an ancestor's own ones are its history: those numbered from low to high. Nothing between them (high = low - 1
-- or less) still means that what the ancestor measured on shared versions counts.
alter table head_lineage add column low integer not null default 0;
alter table head_lineage add column high integer not null default 9223372036854775807;

create table owned as select hv.head_id, hv.version_id, hv.number from head_version hv where not exists (
	select 1 from head_lineage l join head_version theirs on theirs.head_id = l.ancestor_id and theirs.version_id = hv.version_id
		where l.head_id = hv.head_id and l.ancestor_id <> hv.head_id);
create index owned_version on owned (version_id, head_id);
create index owned_head on owned (head_id, number);

delete from head_lineage where head_id <> ancestor_id and not exists (
	select 1 from head_version ours join head_version theirs on theirs.version_id = ours.version_id
		where ours.head_id = head_lineage.head_id and theirs.head_id = head_lineage.ancestor_id);
update head_lineage set high = (
	select max(ours.number) from head_version ours join head_version theirs on theirs.version_id = ours.version_id
		where ours.head_id = head_lineage.head_id and theirs.head_id = head_lineage.ancestor_id)
	where head_id <> ancestor_id;
update head_lineage set low = coalesce((
	select min(ours.number) from head_version ours join owned o on o.version_id = ours.version_id and o.head_id = head_lineage.ancestor_id
		where ours.head_id = head_lineage.head_id), high + 1)
	where head_id <> ancestor_id;
update head_lineage set low = coalesce((select min(o.number) from owned o where o.head_id = head_lineage.head_id),
	(select max(hv.number) + 1 from head_version hv where hv.head_id = head_lineage.head_id), 0)
	where head_id = ancestor_id;

delete from head_version where not exists (
	select 1 from owned o where o.version_id = head_version.version_id and o.head_id = head_version.head_id);
drop table owned;

-- +goose Down
insert into head_version (head_id, version_id, number)
	select l.head_id, hv.version_id, hv.number from head_lineage l
		join head_version hv on hv.head_id = l.ancestor_id and hv.number between l.low and l.high
		where l.head_id <> l.ancestor_id
	on conflict do nothing;
alter table head_lineage drop column high;
alter table head_lineage drop column low;

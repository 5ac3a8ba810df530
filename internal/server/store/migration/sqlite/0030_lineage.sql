-- +goose Up
-- The heads whose reports are a head's own history: itself, and those that its versions were copied from. A version is shared by all
-- heads that copied it, so without this a branch that measures a commit of its start point would write into the start point's history.
create table head_lineage (
    head_id text not null references head (id) on delete cascade deferrable initially deferred,
    ancestor_id text not null references head (id) on delete cascade deferrable initially deferred,
    primary key (head_id, ancestor_id)
) strict, without rowid;
create index head_lineage_ancestor on head_lineage (ancestor_id);

insert into head_lineage (head_id, ancestor_id)
with recursive up (head_id, ancestor_id) as (
    select h.id, h.id from head h
    union
    select up.head_id, s.id from up join head h on h.id = up.ancestor_id join head s on s.id = h.start_head_id
)
select up.head_id, up.ancestor_id from up;

-- +goose Down
drop table head_lineage;

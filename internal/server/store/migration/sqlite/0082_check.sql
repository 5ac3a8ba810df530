-- +goose Up
-- A head beside a branch: reports that are measured again to check an event name it, and are no part of the branch's history. It has no
-- versions of its own; its reports name those of the branch.
alter table head add column aside integer not null default 0;

-- A rerun of the versions before and after an event, in turns. sentence is what came of it, for people.
create table event_check (
	id             text primary key,
	event_id       text not null references change_event (id) on delete cascade,
	head_id        text not null references head (id) on delete cascade, -- beside the branch
	spec_id        text not null,
	measurement_id text not null, -- names nothing, like the reports: they may be deleted
	before_report  text not null,
	after_report   text not null,
	before_version text not null references version (id) on delete cascade,
	after_version  text not null references version (id) on delete cascade,
	pairs          integer not null,
	from_state     text not null,
	account_id     text, -- who asked; names nothing: it outlives the account
	created        integer not null,
	ended          integer,
	outcome        text, -- confirmed, refuted, undecided or failed
	sentence       text
) strict;
create unique index event_check_open on event_check (event_id) where ended is null;
create index event_check_event on event_check (event_id, created);
create index event_check_head on event_check (head_id);
create index event_check_before on event_check (before_report);
create index event_check_after on event_check (after_report);
create index event_check_before_version on event_check (before_version);
create index event_check_after_version on event_check (after_version);

-- What is checked: lines with the levels that were suspected, and what the rerun saw.
create table event_check_line (
	check_id     text not null references event_check (id) on delete cascade,
	place        integer not null, -- the largest first
	series_id    integer not null references series (id) on delete cascade,
	level_before real not null,
	level_after  real not null,
	exact        integer not null,
	outcome      text, -- as of the check; absent until it has ended
	pairs        integer not null default 0, -- that have values
	seen_before  real,
	seen_after   real,
	ratio        real,
	low          real,
	high         real,
	p            real,
	detectable   real,
	primary key (check_id, place)
) strict, without rowid;
create index event_check_line_series on event_check_line (series_id);

-- +goose Down
drop table event_check_line;
drop table event_check;
alter table head drop column aside;

-- +goose Up
-- What the lines of a head and a testbed have not been looked at for: a report that was closed, or results that went away (no report: all
-- lines are looked at anew). Who looks takes these rows away in the transaction that writes what it saw.
create table line_news (
	seq        integer primary key autoincrement,
	project_id text not null references project (id) on delete cascade,
	head_id    text not null references head (id) on delete cascade,
	testbed_id text not null references testbed (id) on delete cascade,
	report_seq integer
) strict;
create index line_news_line on line_news (project_id, head_id, testbed_id, seq);
create index line_news_head on line_news (head_id);
create index line_news_testbed on line_news (testbed_id);
-- What was measured before is looked at once.
insert into line_news (project_id, head_id, testbed_id) select distinct r.project_id, r.head_id, r.testbed_id from report r
	where r.status = 'processed' order by 1, 2, 3;

-- What is known of a line: a series along a head, on one hardware spec ('': none). Numbers are those of versions.
create table line (
	head_id    text not null references head (id) on delete cascade,
	testbed_id text not null references testbed (id) on delete cascade,
	spec_id    text not null,
	series_id  integer not null references series (id) on delete cascade,
	frozen     integer not null, -- values up to this version were let go, -1: none
	seen       integer not null, -- the newest version that was looked at
	due        integer not null, -- the version from which on it is looked at even if its values are as expected
	low        real, -- values outside of low and high are looked at at once; absent: all are
	high       real,
	accepted   integer, -- the version whose value was accepted last, of an exact measure
	detectable real, -- smallest lasting step that would be found
	noise      real,
	primary key (head_id, testbed_id, spec_id, series_id)
) strict, without rowid;
create index line_testbed on line (testbed_id);
create index line_series on line (series_id);

-- Who looked last: a look that was computed from older rows is repeated.
create table line_look (
	head_id text primary key references head (id) on delete cascade,
	version integer not null
) strict, without rowid;

-- A change point. It keeps its row, and so its id and its event, while it is found again, and stays when it is not.
create table change_point (
	id          text primary key,
	project_id  text not null references project (id) on delete cascade,
	head_id     text not null references head (id) on delete cascade,
	testbed_id  text not null references testbed (id) on delete cascade,
	spec_id     text not null,
	series_id   integer not null references series (id) on delete cascade,
	event_id    text,
	number      integer not null, -- the version with the first value after it
	first       integer not null, -- it came with one of the versions from first
	last        integer not null, -- to last
	scale       text not null check (scale in ('log', 'raw', 'exact')),
	level_before real not null,
	level_after  real not null,
	effect      real, -- absent where there is no ratio
	low         real,
	high        real,
	t           real not null,
	p           real not null,
	n_before    integer not null,
	n_after     integer not null,
	settled     integer not null,
	weak        integer not null, -- it may be noise of a kind that looks like a change
	significant integer not null, -- found by the newest look
	worse       integer not null, -- 1 worse, -1 better, 0 nobody knows
	score       real not null,
	created     integer not null,
	modified    integer not null
) strict;
create index change_point_line on change_point (head_id, testbed_id, spec_id, series_id);
create index change_point_event on change_point (event_id, score);
create index change_point_testbed on change_point (testbed_id);
create index change_point_series on change_point (series_id);
create index change_point_project on change_point (project_id);

-- What people are told of. Those of a threshold stand for its alerts of one measure and one limit.
create table change_event (
	id          text primary key,
	project_id  text not null references project (id) on delete cascade,
	branch_id   text not null references branch (id) on delete cascade,
	head_id     text not null references head (id) on delete cascade,
	testbed_id  text not null references testbed (id) on delete cascade,
	kind        text not null check (kind in ('code', 'machine', 'threshold')),
	measure_id  text references measure (id) on delete cascade,
	side        text,
	state       text not null,
	significant integer not null,
	settled     integer not null,
	first       integer not null,
	last        integer not null,
	before      integer, -- the newest version without it that the testbed measured
	score       real not null,
	changes     integer not null, -- significant ones
	worse       integer not null,
	better      integer not null,
	reason      text,
	until       integer,
	told        integer,
	version     integer not null,
	created     integer not null,
	modified    integer not null
) strict;
create index change_event_project on change_event (project_id, kind, state, score);
create index change_event_branch on change_event (branch_id);
create index change_event_head on change_event (head_id, testbed_id);
create index change_event_testbed on change_event (testbed_id);
create index change_event_measure on change_event (measure_id);
create index change_event_until on change_event (until) where until is not null;

create table change_event_step (
	event_id   text not null references change_event (id) on delete cascade,
	number     integer not null, -- 1 is the first
	time       integer not null,
	verb       text not null,
	from_state text not null,
	to_state   text not null,
	account_id text, -- names nothing: it outlives who did it
	reason     text,
	primary key (event_id, number)
) strict, without rowid;

-- A report whose results are left out of lines.
create table report_mark (
	report_id  text primary key references report (id) on delete cascade,
	reason     text not null,
	account_id text,
	created    integer not null
) strict, without rowid;

alter table alert add column event_id text;
create index alert_event on alert (event_id) where event_id is not null;
create index alert_unfolded on alert (head_id, metric_id) where event_id is null;

-- +goose Down
drop index alert_unfolded;
drop index alert_event;
alter table alert drop column event_id;
drop table report_mark;
drop table change_event_step;
drop table change_event;
drop table change_point;
drop table line_look;
drop table line;
drop table line_news;

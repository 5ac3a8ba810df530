-- +goose Up
-- What a closed report says of each of its lines, packed: the least and the largest value. Absent of large reports, and of older ones.
alter table line_news add column spans blob;

-- What a look must know of lines to leave them alone, packed for 1,024 series at once, so that it reads a row and not a thousand. It says
-- what the rows of line say.
create table line_band (
	head_id    text not null references head (id) on delete cascade,
	testbed_id text not null references testbed (id) on delete cascade,
	spec_id    text not null,
	block      integer not null, -- of series whose number over 1,024 is this
	packed     blob not null,
	primary key (head_id, testbed_id, spec_id, block)
) strict;
create index line_band_testbed on line_band (testbed_id);

-- The values that a look has read of a line, packed: those of its head's own versions that were not let go. The next look reads what came
-- after them. A line without a row is read from its metrics.
create table line_values (
	head_id    text not null references head (id) on delete cascade,
	testbed_id text not null references testbed (id) on delete cascade,
	spec_id    text not null,
	series_id  integer not null references series (id) on delete cascade,
	packed     blob not null,
	primary key (head_id, testbed_id, spec_id, series_id)
) strict;
create index line_values_testbed on line_values (testbed_id);
create index line_values_series on line_values (series_id);

-- Where people accepted a change of a line: limits of thresholds and comparisons count the values from there on.
create table accepted_level (
	event_id  text not null references change_event (id) on delete cascade,
	head_id   text not null references head (id) on delete cascade,
	spec_id   text not null,
	series_id integer not null references series (id) on delete cascade,
	number    integer not null, -- the first version of the accepted level
	primary key (event_id, series_id, spec_id)
) strict, without rowid;
create index accepted_level_head on accepted_level (head_id, series_id);
create index accepted_level_series on accepted_level (series_id);
insert into accepted_level (event_id, head_id, spec_id, series_id, number)
	select p.event_id, p.head_id, p.spec_id, p.series_id, max(p.number) from change_point p join change_event e on e.id = p.event_id
	where e.state = 'accepted' and p.significant = 1 group by p.event_id, p.head_id, p.spec_id, p.series_id;

-- +goose Down
drop table accepted_level;
drop table line_values;
drop table line_band;
alter table line_news drop column spans;

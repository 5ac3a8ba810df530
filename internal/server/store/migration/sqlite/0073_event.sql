-- +goose Up
-- The outbox: what a transaction did is written in the same transaction, and told to subscribers afterwards, at least once.
create table event (
	seq        integer primary key autoincrement,
	id         text not null unique,
	kind       text not null,
	project_id text, -- names nothing: an event outlives what it speaks of
	subject    text not null, -- of one subject, events are told in order
	body       text not null, -- JSON
	created    integer not null,
	spread     integer -- when it was given to the subscribers of that moment
) strict;
create index event_unspread on event (seq) where spread is null;
create index event_created on event (created);

create table event_delivery (
	event_seq  integer not null references event (seq) on delete cascade,
	subscriber text not null,
	subject    text not null, -- the event's
	attempts   integer not null, -- that were begun
	lease      integer not null, -- its number, which rises whenever it is taken
	due        integer not null, -- when it may be tried: at once, after a pause, or when the lease of who is at it has run out
	ended      integer,
	outcome    text check (outcome in ('delivered', 'given_up')),
	error      text, -- of the last try that failed
	primary key (event_seq, subscriber),
	check ((ended is null) = (outcome is null))
) strict, without rowid;
create index event_delivery_due on event_delivery (subscriber, due, event_seq) where ended is null;
create index event_delivery_order on event_delivery (subscriber, subject, event_seq) where ended is null;

-- +goose Down
drop table event_delivery;
drop table event;

-- +goose Up
-- A sweep is one workload on many kinds of machine: pools of machines that are alike, a slot for each machine that is wanted, and tasks,
-- which are jobs of the slot. external_id is the client's own. Money is in millionths of a dollar, times in microseconds. holder, epoch and
-- lease_until are of the controller that makes and removes machines: what an older epoch writes is refused.
create table sweep (
	id             text primary key,
	project_id     text not null references project (id) on delete cascade,
	external_id    text not null,
	name           text not null,
	config         text not null, -- canonical JSON
	config_hash    text not null, -- of all that was asked for
	plan           text not null, -- JSON: workloads and what else the pools do not say
	state          text not null,
	broken         text not null, -- why it was stopped or failed, '': it was not
	note           text not null, -- of broken, for people
	outcome        text not null, -- of an ended one
	budget         integer not null,
	ttl_seconds    integer not null,
	expires        integer not null,
	closing        integer, -- since when its machines are removed; a result that came later is late
	ended          integer,
	holder         text not null,
	epoch          integer not null,
	lease_until    integer not null,
	archive        text, -- digest
	account_id     text, -- who started it; names nothing: it outlives the account
	created        integer not null,
	modified       integer not null,
	unique (project_id, external_id)
) strict;
create index sweep_project on sweep (project_id, created);
create index sweep_open on sweep (state) where state <> 'ended';

create table pool (
	id            text primary key,
	sweep_id      text not null references sweep (id) on delete cascade,
	ordinal       integer not null, -- within the sweep, from 1
	spec_id       text references spec (id), -- of one that takes part
	testbed       text not null, -- name
	provider      text not null,
	regions       text not null, -- JSON, in the order in which they are tried
	zones         text not null, -- JSON
	type          text not null,
	alias         text not null,
	market        text not null,
	arch          text not null,
	vcpus         integer not null,
	cores         integer not null,
	memory        integer not null, -- bytes
	module        text not null,
	hosts         integer not null,
	share         text not null,
	price         text not null, -- JSON
	on_demand     text not null, -- JSON: of a spot pool's type
	slack_seconds integer not null,
	deadline      integer,
	skip_reason   text not null,
	skip_sentence text not null
) strict;
create index pool_sweep on pool (sweep_id, ordinal);
create index pool_spec on pool (spec_id);

create table slot (
	id         text primary key,
	sweep_id   text not null references sweep (id) on delete cascade,
	pool_id    text not null references pool (id) on delete cascade,
	ordinal    integer not null, -- within the pool, from 1
	state      text not null,
	reason     text not null, -- why it was given up
	note       text not null,
	machine_id text not null, -- that holds it
	tried      integer not null -- machines that held it
) strict;
create index slot_sweep on slot (sweep_id);
create index slot_pool on slot (pool_id, ordinal);

-- The ledger: a row is here before its provider is asked, and says so until the provider has said that the machine is gone. id is the token
-- that the provider is given. enroll is the hash of what buys its runner's key, once.
create table machine (
	id            text primary key,
	sweep_id      text not null references sweep (id) on delete cascade,
	pool_id       text not null references pool (id) on delete cascade,
	slot_id       text not null references slot (id) on delete cascade,
	ordinal       integer not null, -- within the sweep, from 1
	provider      text not null,
	region        text not null,
	zone          text not null,
	type          text not null,
	market        text not null,
	native_id     text not null,
	state         text not null,
	reason        text not null,
	note          text not null,
	doubted       integer not null,
	suspect       text not null,
	price         text not null, -- JSON
	slack_seconds integer not null,
	expires       integer not null,
	intended      integer not null,
	asked         integer not null,
	launched      integer,
	contact       integer,
	beat          integer,
	missing       integer,
	ended         integer,
	enroll        text,
	runner_id     text references runner (id) on delete set null,
	phase         text not null,
	benchmark     text not null, -- that it runs
	facts         text -- JSON: what it says that it is
) strict;
create index machine_sweep on machine (sweep_id, ordinal);
create index machine_pool on machine (pool_id);
create index machine_slot on machine (slot_id);
create index machine_runner on machine (runner_id);
create unique index machine_enroll on machine (enroll) where enroll is not null;

create table machine_event (
	id         integer primary key,
	machine_id text not null references machine (id) on delete cascade,
	time       integer not null,
	event      text not null,
	from_state text not null,
	to_state   text not null,
	epoch      integer not null, -- of the controller; 0: the machine's own word
	reason     text not null,
	note       text not null
) strict;
create index machine_event_machine on machine_event (machine_id, id);

-- Which job is which task: a repeat of a workload on the machine of a slot.
create table task (
	job_id    text primary key references job (id) on delete cascade,
	report_id text not null references report (id) on delete cascade,
	sweep_id  text not null references sweep (id) on delete cascade,
	pool_id   text not null references pool (id) on delete cascade,
	slot_id   text not null references slot (id) on delete cascade,
	workload  text not null,
	repeat    integer not null, -- from 1
	place     integer not null -- within the slot, from 1: the order in which they run
) strict, without rowid;
create index task_slot on task (slot_id, place);
create index task_sweep on task (sweep_id);
create index task_pool on task (pool_id);
create index task_report on task (report_id);
create index job_slot on job (slot_id) where slot_id is not null;

-- +goose Down
drop index job_slot;
drop table task;
drop table machine_event;
drop table machine;
drop table slot;
drop table pool;
drop table sweep;

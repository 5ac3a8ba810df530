-- +goose Up
-- Plots that a project keeps, in an order that people choose. A plot names what it shows; what is deleted is shown by none any more.
create table plot (
	id             text not null primary key,
	project_id     text not null references project (id) on delete cascade,
	rank           bigint not null, -- 0 is the first
	title          text,
	lower_value    boolean not null,
	upper_value    boolean not null,
	lower_boundary boolean not null,
	upper_boundary boolean not null,
	x_axis         text not null check (x_axis in ('date_time', 'version')),
	y_axis         text not null check (y_axis in ('auto', 'linear', 'log')),
	window_seconds bigint not null, -- how far back from now
	created        bigint not null,
	modified       bigint not null
);
create index plot_project on plot (project_id, rank);

create table plot_branch (
	plot_id  text not null references plot (id) on delete cascade,
	thing_id text not null references branch (id) on delete cascade,
	rank     bigint not null,
	primary key (plot_id, thing_id)
);
create index plot_branch_thing on plot_branch (thing_id);
create table plot_testbed (
	plot_id  text not null references plot (id) on delete cascade,
	thing_id text not null references testbed (id) on delete cascade,
	rank     bigint not null,
	primary key (plot_id, thing_id)
);
create index plot_testbed_thing on plot_testbed (thing_id);
create table plot_benchmark (
	plot_id  text not null references plot (id) on delete cascade,
	thing_id text not null references benchmark (id) on delete cascade,
	rank     bigint not null,
	primary key (plot_id, thing_id)
);
create index plot_benchmark_thing on plot_benchmark (thing_id);
create table plot_measure (
	plot_id  text not null references plot (id) on delete cascade,
	thing_id text not null references measure (id) on delete cascade,
	rank     bigint not null,
	primary key (plot_id, thing_id)
);
create index plot_measure_thing on plot_measure (thing_id);

-- +goose Down
drop table plot_measure;
drop table plot_benchmark;
drop table plot_testbed;
drop table plot_branch;
drop table plot;

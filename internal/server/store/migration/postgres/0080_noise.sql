-- +goose Up
-- What runs of identical code (a calibration: a report) have shown of a series. Numbers that are not known are null.
create table noise (
	series_id  bigint not null references series (id) on delete cascade,
	report_id  text not null references report (id) on delete cascade,
	units      bigint not null, -- runs of the program
	samples    bigint not null,
	usual      bigint not null, -- units a side that the grade is for
	typical    double precision,
	sd         double precision,             -- between units, relative
	exact      boolean not null,
	drifts     boolean not null,
	modes_cut  double precision,             -- two modes: samples above are slow
	modes_share double precision,
	modes_units bigint,
	outliers   boolean not null, -- the slow mode is more likely outliers
	primary key (series_id, report_id)
);
create index noise_report on noise (report_id);

-- +goose Down
drop table noise;

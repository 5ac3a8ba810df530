-- +goose Up
-- What runs of identical code (a calibration: a report) have shown of a series. Numbers that are not known are null.
create table noise (
	series_id  integer not null references series (id) on delete cascade,
	report_id  text not null references report (id) on delete cascade,
	units      integer not null, -- runs of the program
	samples    integer not null,
	usual      integer not null, -- units a side that the grade is for
	typical    real,
	sd         real,             -- between units, relative
	exact      integer not null,
	drifts     integer not null,
	modes_cut  real,             -- two modes: samples above are slow
	modes_share real,
	modes_units integer,
	outliers   integer not null, -- the slow mode is more likely outliers
	primary key (series_id, report_id)
) strict, without rowid;
create index noise_report on noise (report_id);

-- +goose Down
drop table noise;

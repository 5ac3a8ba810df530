-- +goose Up
-- Metrics lie by series and report: a line of years is one range, and a new value's history is the end of one. So a metric has no row number;
-- its public UUID is made from id, which metric_part turns back into a place. A part is what was written of a report's iteration at once, in
-- the order of the tool: its metrics have the ids first_id, first_id + 1, …, and lines names their series, the first by its number and each
-- other by the distance from the one before it, so that most take two bytes.
create table metric_part (
    first_id integer primary key,
    report_seq integer not null references report (seq),
    iteration integer not null,
    metrics integer not null check (metrics > 0),
    lines text not null
) strict;
create index metric_part_report on metric_part (report_seq, first_id);

insert into metric_part (first_id, report_seq, iteration, metrics, lines)
select min(id), report_seq, iteration, count(*), group_concat(coalesce(series_id - before, series_id), ',' order by id) from (
    select id, report_seq, iteration, series_id, part,
        lag(series_id) over (partition by report_seq, iteration, part order by id) as before
    from (
        select id, report_seq, iteration, series_id,
            id - row_number() over (partition by report_seq, iteration order by id) as part
        from metric
    )
) group by report_seq, iteration, part;

-- A model's number is never given again: metrics keep naming a model that went with its threshold.
create table numbered_model (
    seq integer primary key autoincrement,
    id text not null unique,
    threshold_id text not null references threshold (id) on delete cascade,
    test text not null,
    min_sample_size integer,
    max_sample_size integer,
    window_seconds integer,
    lower_boundary real,
    upper_boundary real,
    created integer not null,
    replaced integer
) strict;
insert into numbered_model (id, threshold_id, test, min_sample_size, max_sample_size, window_seconds, lower_boundary, upper_boundary, created, replaced)
select id, threshold_id, test, min_sample_size, max_sample_size, window_seconds, lower_boundary, upper_boundary, created, replaced
from model order by id;
drop table model;
alter table numbered_model rename to model;
create index model_threshold on model (threshold_id);

-- Alerts and samples name a metric by its id and go with it: whoever deletes metrics deletes them.
create table placed_alert (
    id text primary key,
    project_id text not null references project (id) on delete cascade,
    metric_id integer not null unique,
    report_id text not null references report (id) on delete cascade,
    threshold_id text not null references threshold (id) on delete cascade,
    model_id text not null,
    head_id text not null,
    boundary_limit text not null,
    status text not null,
    created integer not null,
    modified integer not null
) strict;
insert into placed_alert select id, project_id, metric_id, report_id, threshold_id, model_id, head_id, boundary_limit, status, created, modified
from alert;
drop table alert;
alter table placed_alert rename to alert;
create index alert_project on alert (project_id, status, created);
create index alert_report on alert (report_id);
create index alert_head on alert (head_id);
create index alert_threshold on alert (threshold_id);

create table placed_sample (
    metric_id integer primary key,
    samples blob not null
) strict;
insert into placed_sample select metric_id, samples from metric_sample;
drop table metric_sample;
alter table placed_sample rename to metric_sample;

create table placed_metric (
    series_id integer not null references series (id) on delete cascade,
    report_seq integer not null,
    iteration integer not null,
    id integer not null,
    value real not null,
    lower_value real,
    upper_value real,
    model_seq integer,
    baseline real,
    lower_limit real,
    upper_limit real,
    primary key (series_id, report_seq, iteration)
) strict, without rowid;
-- A metric whose threshold was deleted was judged by a model that nobody knows: 0.
insert into placed_metric (series_id, report_seq, iteration, id, value, lower_value, upper_value, model_seq, baseline, lower_limit, upper_limit)
select m.series_id, m.report_seq, m.iteration, m.id, m.value, m.lower_value, m.upper_value,
    case when m.model_id is null then null else coalesce((select o.seq from model o where o.id = m.model_id), 0) end,
    m.baseline, m.lower_limit, m.upper_limit
from metric m order by m.series_id, m.report_seq, m.iteration;
drop table metric;
alter table placed_metric rename to metric;

-- +goose Down
create table placed_metric (
    id integer primary key,
    series_id integer not null references series (id) on delete cascade,
    report_seq integer not null references report (seq) on delete cascade,
    iteration integer not null,
    value real not null,
    lower_value real,
    upper_value real,
    model_id text,
    baseline real,
    lower_limit real,
    upper_limit real,
    unique (series_id, report_seq, iteration)
) strict;
insert into placed_metric (id, series_id, report_seq, iteration, value, lower_value, upper_value, model_id, baseline, lower_limit, upper_limit)
select m.id, m.series_id, m.report_seq, m.iteration, m.value, m.lower_value, m.upper_value,
    case when m.model_seq is null then null else coalesce((select o.id from model o where o.seq = m.model_seq), '') end,
    m.baseline, m.lower_limit, m.upper_limit
from metric m order by m.id;
drop table metric;
alter table placed_metric rename to metric;
create index metric_report on metric (report_seq);
drop table metric_part;

create table placed_sample (
    metric_id integer primary key references metric (id) on delete cascade,
    samples blob not null
) strict;
insert into placed_sample select metric_id, samples from metric_sample;
drop table metric_sample;
alter table placed_sample rename to metric_sample;

create table placed_alert (
    id text primary key,
    project_id text not null references project (id) on delete cascade,
    metric_id integer not null unique references metric (id) on delete cascade,
    report_id text not null references report (id) on delete cascade,
    threshold_id text not null references threshold (id) on delete cascade,
    model_id text not null,
    head_id text not null,
    boundary_limit text not null,
    status text not null,
    created integer not null,
    modified integer not null
) strict;
insert into placed_alert select id, project_id, metric_id, report_id, threshold_id, model_id, head_id, boundary_limit, status, created, modified
from alert;
drop table alert;
alter table placed_alert rename to alert;
create index alert_project on alert (project_id, status, created);
create index alert_report on alert (report_id);
create index alert_head on alert (head_id);
create index alert_threshold on alert (threshold_id);

create table named_model (
    id text primary key,
    threshold_id text not null references threshold (id) on delete cascade,
    test text not null,
    min_sample_size integer,
    max_sample_size integer,
    window_seconds integer,
    lower_boundary real,
    upper_boundary real,
    created integer not null,
    replaced integer
) strict;
insert into named_model
select id, threshold_id, test, min_sample_size, max_sample_size, window_seconds, lower_boundary, upper_boundary, created, replaced from model;
drop table model;
alter table named_model rename to model;
create index model_threshold on model (threshold_id);

-- +goose Up
-- How the lines of a project are judged: the text of its policy. A project without a row has the default.
create table policy (
	project_id text not null primary key references project (id) on delete cascade,
	version    integer not null, -- 1 is the first text
	text       text not null,
	account_id text, -- who wrote it; names nothing: it outlives the account
	modified   integer not null
) strict, without rowid;

-- How much an event matters: the worst that the policy says of its changes.
alter table change_event add column severity text not null default 'warn';

-- +goose Down
alter table change_event drop column severity;
drop table policy;

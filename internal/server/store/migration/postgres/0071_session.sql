-- +goose Up
-- Who is signed in on the pages. A session stands for the key that it was opened with and ends with it; of its token only the hash is kept.
create table session (
	hash    text not null primary key,
	key_id  text not null references api_key (id) on delete cascade,
	created bigint not null,
	expires bigint not null
);
create index session_key on session (key_id);
create index session_expires on session (expires);

-- +goose Down
drop table session;

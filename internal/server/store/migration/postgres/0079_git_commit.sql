-- +goose Up
-- What is known of a project's commits beside their hashes, as reports said it. Many were never measured and are no version.
create table git_commit (
	project_id text not null references project (id) on delete cascade,
	hash       text not null,
	parent     text not null, -- the first parent's; this and the texts are '' if it is not known
	author     text not null, -- name
	subject    text not null,
	time       bigint, -- when it was authored
	primary key (project_id, hash)
);

-- +goose Down
drop table git_commit;

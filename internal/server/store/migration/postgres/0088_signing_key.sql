-- +goose Up
-- What signs the addresses of objects. The newest signs; older ones are good for what they have signed.
create table signing_key (
	id      text primary key,
	secret  text not null, -- base64url; it cannot be a hash, since it signs
	created bigint not null
);

-- +goose Down
drop table signing_key;

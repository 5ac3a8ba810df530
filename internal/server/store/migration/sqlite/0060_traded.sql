-- +goose Up
-- Which key a registry token was traded from, so that the token ends with it. Tokens from before do not say it, and live five minutes:
-- their clients trade anew.
alter table registry_token add column key_hash text;
delete from registry_token where job_id is null;

-- +goose Down
alter table registry_token drop column key_hash;

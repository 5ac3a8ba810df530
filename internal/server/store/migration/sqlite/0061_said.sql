-- +goose Up
-- What a machine said when it could not run a job, for the sentence with which the job is given up.
alter table job_avoid add column said text not null default '';

-- +goose Down
alter table job_avoid drop column said;

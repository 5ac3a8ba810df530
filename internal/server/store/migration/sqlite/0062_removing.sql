-- +goose Up
-- Reports that nobody sees any more, and whose rows are being removed.
create index report_deleted on report (seq) where status = 'deleted';

-- +goose Down
drop index report_deleted;

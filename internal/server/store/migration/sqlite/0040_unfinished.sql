-- +goose Up
-- Reports that are being written, or were when a process died.
create index report_pending on report (seq) where status = 'pending';

-- +goose Down
drop index report_pending;

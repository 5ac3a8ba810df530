// Package report is the room of reports: their rows, with those of their metrics, and what is asked of them. A report is one submission:
// results that were measured elsewhere, or a job that will make them.
//
// Service is for people, who come with the actor that they are: it submits, checks, creates, reads again and deletes reports, and finishes
// what a process left behind when it died. Judge is for results: it reads the outputs of a report (package results), judges each value
// against the values before it (package history), raises alerts and closes the report. There is one way through it, for results that come
// with the request and for those of a job; it is a type of its own because the job queue closes reports, and Service queues jobs.
//
// # What is promised
//
// A submission is checked and its results are read before anything is written. Then one transaction makes what is new (project, branch,
// head, version, testbed, thresholds) and the report; results are judged in it, a job is queued in it. So a refused submission leaves
// nothing behind, and an accepted one is there whole. The raw results are kept as blobs, put there before the transaction; those of a
// submission that fails after that are named by no row and are swept.
//
// Two submissions that make the same project or branch at once both succeed: those of a project run one after the other, and each looks
// again inside its transaction.
//
// Readers see all of a report's results or none: a report is pending until all of them are there. Judging the same report at the same place
// of history gives the same answer, whatever came later.
//
// # Slices
//
// SQLite has one writer, and a project is one writer's in PostgreSQL; neither must be held for long. Results of up to
// limits.MetricsPerSlice metrics are judged and written in one transaction. Larger ones are prepared outside of the writer and written in
// slices of that size, between which other writers get their turn. Until the last transaction, which closes it, the report is pending, and
// the metrics and alerts of a report that is not processed are shown to nobody and are nobody's history (queries filter them by the
// report's status). They are judged on one snapshot, as if the report had been written at that moment.
//
// It is finished even when its sender goes away. When something dies in between, what was written stays unseen. The next try deletes it and
// begins again from the raw output: the job queue brings a completed job again, Resume a pending report without a job, and so does its
// sender when it comes again with the same idempotency key. If finishing fails otherwise, the report is deleted, and the sender is told.
//
// # Who calls it
//
// The edges call Service, the job queue calls Judge through an interface of its own, and explore reads the rows. The room asks the job
// queue through Queue and does not know it; who must hear of a change is told by events (notify).
package report

// Package job is the room of jobs: one row is one execution on one runner, with its attempts, lease, log, events and outputs. Which state
// follows which event is in core/job; nothing here decides it.
//
// The queue prepares, inserts and moves jobs. Prepared is what it makes of a submission; report holds it until there is a row to name.
package job

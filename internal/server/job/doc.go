// Package job is the room of jobs: one row is one execution on one runner, with its attempts, lease, log, events and outputs. Which state
// follows which event is in core/job; nothing here decides it.
//
// Intake makes jobs, and queue moves them.
package job

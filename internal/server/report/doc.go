// Package report is the room of reports and their metrics, and of the history that a new value is judged by. A report is pending until all
// of its results are there.
//
// Intake and ingest call it, and explore reads; the edges name its filters.
package report

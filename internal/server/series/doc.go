// Package series is the room of what identifies a line of values: branches with their heads and versions, testbeds, benchmarks, measures,
// and the series that a testbed, a benchmark and a measure make. What a start point or a horizon means is in core/series.
//
// Branches, Testbeds, Benchmarks and Measures are the use cases for people; the edges call them. Which head a submission goes to is decided
// here too (EnsureHead): a new one, or one that starts at a version of another branch, with the thresholds that the branch takes over,
// which come through an interface, because thresholds stand above. The room knows nothing of reports; rooms that write and read values
// call its rows.
package series

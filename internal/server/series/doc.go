// Package series is the room of what identifies a line of values: branches with their heads and versions, testbeds, benchmarks, measures,
// and the series that a testbed, a benchmark and a measure make. What a start point or a horizon means is in core/series.
//
// It knows nothing of reports; rooms that write and read values call it.
package series

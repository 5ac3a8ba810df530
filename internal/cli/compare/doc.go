// Package compare is `tacho compare`: the outputs of one tool from before and after a change, what is known of the difference, and how
// small a one could have been seen.
//
// Files are read by the adapters (sides.go), judged by core/judge, and shown as a table (text.go), Markdown, CSV, JSON or a page. One row
// is a benchmark, its measures are columns; nothing is claimed, coloured or given a percentage that was not shown. It needs no server.
// The words are those of package show, which compares a report with an earlier one.
package compare

// Package compare is `tacho compare`: the outputs of one tool from before and after a change, or what a server has of two branches, commits
// or reports; what is known of the difference, and how small a one could have been seen.
//
// Files are read by the adapters (sides.go) and judged by core/judge here. What is no file is asked of the server, which judges
// (stored.go). Both are shown as a table (text.go), Markdown, CSV, JSON or a page. One row is a benchmark, its measures are columns;
// nothing is claimed, coloured or given a percentage that was not shown. The words are those of package show.
package compare

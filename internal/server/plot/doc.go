// Package plot is the room of plots that a project keeps: what each shows, how its axes are, and in which order they stand. It draws
// nothing and reads no line; pages do, from what a plot names. The edges httpapi and web call it.
package plot

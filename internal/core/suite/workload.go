// Package suite is what a sweep runs: workloads, and suites of them as files with parameters.
//
// A workload is an image, a command, the adapter that reads what it prints, and what must be true of its output before it counts. A suite
// names several workloads, its parameters, a recipe for its image and the benchmarks that a complete result has. The package parses and
// decides; it builds no image and runs nothing.
package suite

import "time"

// Workload is one command of an image, and how its output is read.
type Workload struct {
	Name    string
	Image   string  // reference; "" if Recipe is to be built first
	Recipe  *Recipe // nil if Image is given
	Cmd     []string
	Env     map[string]string
	Adapter string   // "" to find out by the output
	Files   []string // that the command leaves in its working folder; empty: what it prints is read
	Assert  []Assertion
	Timeout time.Duration // of one task
	Expect  time.Duration // how long a task is thought to take, for the plan; 0: not known
}

// Recipe is how an image is built, by a tool of the user's.
type Recipe struct {
	Containerfile string // relative to the suite's folder
	Args          map[string]string
}

// Assertion is a condition on a result. Without it a run with the wrong settings would be published under the right name.
type Assertion struct {
	Field       string // description, or a benchmark's name
	Contains    string // "" if nothing is asked
	NotContains string
	Equals      string
}

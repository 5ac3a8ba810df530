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
	Files   []string // that the command leaves in its working folder, the one that is read first; empty: what it prints is read
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
	Field       string // description, output, or json:PATH
	Contains    string // "" if nothing is asked
	NotContains string
	Equals      string
}

// Package measurement is what a report waits for: one job or several, of one image, or of two whose results are to be compared.
//
// A job is one execution on one runner; it knows nothing of a comparison. A measurement says how many jobs there are, of which side each
// is, and in which order they run. Its jobs are of one report, or of two where it has a base: then each side's results belong to the
// report of that side. The package is pure; the rows are in the room of jobs.
package measurement

import (
	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/job"
)

// Side says which of a measurement's images a job runs.
type Side string

// The sides. A measurement without a base has Head alone.
const (
	Head Side = "head" // what is measured
	Base Side = "base" // what it is compared with
)

// Order returns the sides of a measurement's jobs in the order in which they run: rounds of Head, or with a base rounds of one job of each
// side. The order within a round is random, and each second round is the mirror of the one before it (ABBA or BAAB): what drifts in a
// straight line while they run, such as a machine that grows warm, then adds the same to both sides. coin is asked once for two rounds.
func Order(rounds int, base bool, coin func() (headFirst bool)) []Side {
	var out []Side
	headFirst := false
	for i := range rounds {
		switch {
		case !base:
			out = append(out, Head)
			continue
		case i%2 == 0:
			headFirst = coin()
		default:
			headFirst = !headFirst
		}
		if headFirst {
			out = append(out, Head, Base)
		} else {
			out = append(out, Base, Head)
		}
	}
	return out
}

// Stand is how far the jobs are that one report waits for.
type Stand int

// The stands.
const (
	Waiting   Stand = iota // some have yet to run
	Delivered              // all have run, and their results wait to be read
	Over                   // one has failed or was canceled, so that there will be no results, or all were read
)

// StandOf returns how far a report is by the states of its jobs. One that failed is not left out: who wants three runs and gets the two
// that went well has a chosen sample.
func StandOf(states []api.JobStatus) Stand {
	stand := Delivered
	for _, state := range states {
		switch {
		case job.Ended(state):
			return Over
		case state != api.JobCompleted:
			stand = Waiting
		}
	}
	if len(states) == 0 {
		return Over
	}
	return stand
}

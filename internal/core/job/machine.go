package job

import (
	"fmt"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
)

// Sign is what the end of a claim says about the runner's machine.
type Sign int

// The signs.
const (
	NoSign Sign = iota // nothing: it did not come to a sandbox, or somebody else ended it
	Sound              // a sandbox ran the command, however that ended
	Broken             // it could not make a sandbox, or it is not what the spec asks for
)

// SignOf returns what an event says about the machine of the runner that it comes from.
func SignOf(e Event) Sign {
	if e.Kind == Complete {
		return Sound
	}
	if e.Kind != Fail {
		return NoSign
	}
	switch e.Reason {
	case api.ReasonSandbox, api.ReasonHostUnfit:
		return Broken
	case api.ReasonNone, api.ReasonBenchmarkExit, api.ReasonBenchmarkTimeout, api.ReasonNoResult, api.ReasonOutOfMemory, api.ReasonLimit:
		return Sound
	}
	return NoSign
}

// Pause is how long a job that goes back into the queue waits before its next try; retries counts that one. A lost runner's lease was a
// pause already, and a runner that was stopped says nothing against the next.
func Pause(e Event, retries int) time.Duration {
	if e.Kind != Fail {
		return 0
	}
	switch e.Reason {
	case api.ReasonImagePull, api.ReasonSandbox, api.ReasonHostUnfit:
		if retries <= 1 {
			return limits.RetryPauseFirst
		}
		return limits.RetryPauseNext
	}
	return 0
}

// Failure is a machine that could not run a job, and what it said.
type Failure struct {
	Slug, Said string
}

// saidBytes is how much of what a machine said a sentence repeats; the job's history has all of it.
const saidBytes = 300

// GaveUp says that a job is given up because these machines could not run it, oldest first, and the way out.
func GaveUp(spec string, failed []Failure) string {
	var said []string
	for i, f := range failed {
		if i == shownCandidates {
			said = append(said, fmt.Sprintf("%d more could not run it either", len(failed)-i))
			break
		}
		word := strings.ToValidUTF8(f.Said[:min(len(f.Said), saidBytes)], "")
		if len(word) < len(f.Said) {
			word += "…"
		}
		said = append(said, f.Slug+": "+word)
	}
	way := "when a machine is repaired, retry the job"
	if len(failed) > 0 {
		way = fmt.Sprintf("when a machine is repaired (tacho runner undrain %s), retry the job", failed[0].Slug)
	}
	return fmt.Sprintf("no machine of the spec %s could run it, and no other came within %s: %s; %s",
		spec, spoken(limits.MachineWait), strings.Join(said, "; "), way)
}

// MachineGone says that a job is given up because the machine that began its measurement is gone, and the way out.
func MachineGone(runner string) string {
	return fmt.Sprintf("the runner %s, which began this comparison, took no job of it for %s (it is silent, drained or "+
		"archived, or no longer has the spec); both sides must run on one machine: submit the run again", runner, spoken(limits.MachineWait))
}

// BlockedByTurn says why a job waits for ever whose comparison was begun by a runner that may not take it any more, and the way out.
func BlockedByTurn(spec, runner string, archived bool) string {
	only := fmt.Sprintf("only the runner %s may take it, which began this comparison", runner)
	if archived {
		return only + " and is archived; cancel the job and submit the run again"
	}
	return fmt.Sprintf("%s and no longer has the spec %s; an administrator can change that: tacho runner spec add %s %s", only, spec, runner,
		spec)
}

// spoken is a whole number of hours or minutes in words.
func spoken(d time.Duration) string {
	n, word := int(d/time.Minute), "minute"
	if d%time.Hour == 0 {
		n, word = int(d/time.Hour), "hour"
	}
	if n != 1 {
		word += "s"
	}
	return fmt.Sprintf("%d %s", n, word)
}

// Candidate is a runner that has a job's spec and is not archived.
type Candidate struct {
	Slug    string
	Drained bool // for failures of its machine
	Avoided bool // it could not run this job
}

// shownCandidates is how many runners Blocked names.
const shownCandidates = 3

// Blocked says why no runner takes a pending job, and the way out; "" if one may. until is the end of the job's pause, nil if it has none.
func Blocked(spec string, runners []Candidate, until *time.Time) string {
	if len(runners) == 0 {
		return fmt.Sprintf("no runner has the spec any more; an administrator can change that: tacho runner spec add RUNNER %s", spec)
	}
	var kept []string
	for _, r := range runners {
		switch {
		case r.Drained:
			kept = append(kept, r.Slug+" is drained")
		case r.Avoided:
			kept = append(kept, r.Slug+" could not run it")
		}
	}
	switch {
	case len(kept) < len(runners) && until != nil:
		return "next try at " + until.UTC().Format("15:04:05 UTC")
	case len(kept) < len(runners):
		return ""
	}
	if more := len(kept) - shownCandidates; more > 0 {
		kept = append(kept[:shownCandidates], fmt.Sprintf("%d more are kept from it", more))
	}
	return fmt.Sprintf("no runner may take it: %s; when a machine is repaired: tacho runner undrain %s", strings.Join(kept, ", "),
		runners[0].Slug)
}

package job

import (
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
)

// TestOnlyTheMachinesOwnFailuresCountAgainstIt states it for each reason that a runner can give, and how long the job waits after it.
func TestOnlyTheMachinesOwnFailuresCountAgainstIt(t *testing.T) {
	t.Parallel()
	const none, first, next = time.Duration(0), limits.RetryPauseFirst, limits.RetryPauseNext
	for reason, want := range map[api.Reason]struct {
		sign   Sign
		pauses [2]time.Duration
	}{
		api.ReasonSandbox:          {Broken, [2]time.Duration{first, next}},
		api.ReasonHostUnfit:        {Broken, [2]time.Duration{first, next}},
		api.ReasonImagePull:        {NoSign, [2]time.Duration{first, next}},
		api.ReasonNone:             {Sound, [2]time.Duration{none, none}},
		api.ReasonBenchmarkExit:    {Sound, [2]time.Duration{none, none}},
		api.ReasonBenchmarkTimeout: {Sound, [2]time.Duration{none, none}},
		api.ReasonNoResult:         {Sound, [2]time.Duration{none, none}},
		api.ReasonOutOfMemory:      {Sound, [2]time.Duration{none, none}},
		api.ReasonLimit:            {Sound, [2]time.Duration{none, none}},
		api.ReasonImageInvalid:     {NoSign, [2]time.Duration{none, none}},
		api.ReasonRunnerAborted:    {NoSign, [2]time.Duration{none, none}},
		api.ReasonRunnerLost:       {NoSign, [2]time.Duration{none, none}},
		api.ReasonServer:           {NoSign, [2]time.Duration{none, none}},
		api.ReasonDeadline:         {NoSign, [2]time.Duration{none, none}},
	} {
		e := Event{Kind: Fail, Reason: reason}
		if got := SignOf(e); got != want.sign {
			t.Errorf("%q: sign %d, want %d", reason, got, want.sign)
		}
		if got := [2]time.Duration{Pause(e, 1), Pause(e, 2)}; got != want.pauses {
			t.Errorf("%q: pauses %v, want %v", reason, got, want.pauses)
		}
	}
	for _, kind := range Kinds {
		want := NoSign
		if kind == Complete {
			want = Sound
		}
		e := Event{Kind: kind, Reason: api.ReasonSandbox}
		if kind != Fail && (SignOf(e) != want || Pause(e, 1) != 0) {
			t.Errorf("%s: sign %d and pause %s, want %d and none", kind, SignOf(e), Pause(e, 1), want)
		}
	}
}

func TestAJobThatIsGivenUpNamesTheMachinesAndWhatTheySaid(t *testing.T) {
	t.Parallel()
	const head, tail = "no machine of the spec metal could run it, and no other came within 1 hour: ", ", retry the job"
	long := strings.Repeat("ü", 1000)
	for _, row := range []struct {
		failed []Failure
		want   string
	}{
		{[]Failure{{"a", "no loop device"}}, "a: no loop device; when a machine is repaired (tacho runner undrain a)"},
		{[]Failure{{"a", "x"}, {"b", long}}, "a: x; b: " + strings.Repeat("ü", 150) + "…; when a machine is repaired (tacho runner undrain a)"},
		{[]Failure{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}, {"e", "5"}},
			"a: 1; b: 2; c: 3; 2 more could not run it either; when a machine is repaired (tacho runner undrain a)"},
	} {
		if got := GaveUp("metal", row.failed); got != head+row.want+tail {
			t.Errorf("\n got %s\nwant %s", got, head+row.want+tail)
		}
	}
}

func TestABlockedJobSaysWhyAndTheWayOut(t *testing.T) {
	t.Parallel()
	soon := time.Date(2026, 5, 1, 0, 0, 10, 0, time.UTC)
	drained := func(slug string) Candidate { return Candidate{Slug: slug, Drained: true} }
	for name, row := range map[string]struct {
		runners []Candidate
		until   *time.Time
		want    string
	}{
		"one may":             {[]Candidate{drained("a"), {Slug: "b"}}, nil, ""},
		"one may after pause": {[]Candidate{drained("a"), {Slug: "b"}}, &soon, "next try at 00:00:10 UTC"},
		"none has the spec": {nil, &soon,
			"no runner has the spec any more; an administrator can change that: tacho runner spec add RUNNER metal"},
		"the only one": {[]Candidate{{Slug: "a", Avoided: true}}, &soon,
			"no runner may take it: a could not run it; when a machine is repaired: tacho runner undrain a"},
		"both": {[]Candidate{{Slug: "a", Drained: true, Avoided: true}, {Slug: "b", Avoided: true}}, nil,
			"no runner may take it: a is drained, b could not run it; when a machine is repaired: tacho runner undrain a"},
		"many": {[]Candidate{drained("a"), drained("b"), drained("c"), drained("d"), drained("e")}, nil,
			"no runner may take it: a is drained, b is drained, c is drained, 2 more are kept from it; when a machine is repaired: tacho runner " +
				"undrain a"},
	} {
		if got := Blocked("metal", row.runners, row.until); got != row.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, row.want)
		}
	}
}

func TestAJobThatIsBoundToARunnerNamesIt(t *testing.T) {
	t.Parallel()
	for archived, want := range map[bool]string{
		true: "only the runner a may take it, which began this comparison and is archived; cancel the job and submit the run again",
		false: "only the runner a may take it, which began this comparison and no longer has the spec metal; an administrator can change " +
			"that: tacho runner spec add a metal",
	} {
		if got := BlockedByTurn("metal", "a", archived); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
}

package measurement

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/property"
)

func TestOrderOfSides(t *testing.T) {
	t.Parallel()
	head, base := func() bool { return true }, func() bool { return false }
	for name, row := range map[string]struct {
		rounds int
		base   bool
		coin   func() bool
		want   []Side
	}{
		"one image once":      {1, false, head, []Side{Head}},
		"one image thrice":    {3, false, base, []Side{Head, Head, Head}},
		"two images, heads":   {2, true, head, []Side{Head, Base, Base, Head}},
		"two images, tails":   {2, true, base, []Side{Base, Head, Head, Base}},
		"an odd last round":   {3, true, head, []Side{Head, Base, Base, Head, Head, Base}},
		"nothing is measured": {0, true, head, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Order(row.rounds, row.base, row.coin); !slices.Equal(got, row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

// What grows evenly from job to job adds the same to both sides, whatever the coin says.
func TestADriftAddsTheSameToBothSides(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		rounds := 2 * rapid.IntRange(1, 20).Draw(t, "pairs of rounds")
		sum := map[Side]int{}
		for place, side := range Order(rounds, true, func() bool { return rapid.Bool().Draw(t, "coin") }) {
			sum[side] += place
		}
		if sum[Head] != sum[Base] {
			t.Fatalf("places of the head add up to %d, those of the base to %d", sum[Head], sum[Base])
		}
	})
}

func TestAReportIsReadWhenAllOfItsJobsHaveDelivered(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		states []api.JobStatus
		want   Stand
	}{
		"one that waits":         {[]api.JobStatus{api.JobPending}, Waiting},
		"one that delivered":     {[]api.JobStatus{api.JobCompleted}, Delivered},
		"one of two":             {[]api.JobStatus{api.JobCompleted, api.JobRunning}, Waiting},
		"both":                   {[]api.JobStatus{api.JobCompleted, api.JobCompleted}, Delivered},
		"the other failed":       {[]api.JobStatus{api.JobCompleted, api.JobFailed}, Over},
		"the other was canceled": {[]api.JobStatus{api.JobPending, api.JobCanceled}, Over},
		"both were read":         {[]api.JobStatus{api.JobProcessed, api.JobProcessed}, Over},
		"none":                   {nil, Over},
	} {
		if got := StandOf(row.states); got != row.want {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
}

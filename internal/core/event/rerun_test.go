package event

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// again draws a rerun of a line at 100 with 1 % of noise, whose head is ratio times as much.
func again(r *rand.Rand, pairs int, s Suspicion, ratio float64) Rerun {
	out := Rerun{Suspicion: s}
	for range pairs {
		out.Pairs = append(out.Pairs, [2]float64{100 * math.Exp(.01*r.NormFloat64()), 100 * ratio * math.Exp(.01*r.NormFloat64())})
	}
	return out
}

func flat(pairs int, before, after float64) (out [][2]float64) {
	for range pairs {
		out = append(out, [2]float64{before, after})
	}
	return out
}

func TestARerunConfirmsRefutesOrDoubts(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	slower, faster, little := Suspicion{100, 110, false}, Suspicion{100, 90, false}, Suspicion{100, 101.5, false}
	noisy := again(r, 10, slower, 1)
	for i := range noisy.Pairs {
		noisy.Pairs[i][1] *= math.Exp(.2 * r.NormFloat64())
	}
	short := again(r, 10, slower, 1.1)
	short.Pairs[3][0] = math.NaN()
	for name, c := range map[string]struct {
		pairs int
		lines []Rerun
		want  Verb
		of    []Verb
	}{
		"slower, as suspected":            {10, []Rerun{again(r, 10, slower, 1.1)}, Confirm, []Verb{Confirm}},
		"slower, though less":             {10, []Rerun{again(r, 10, slower, 1.05)}, Confirm, []Verb{Confirm}},
		"faster, as suspected":            {10, []Rerun{again(r, 10, faster, .9)}, Confirm, []Verb{Confirm}},
		"faster, where slower was":        {10, []Rerun{again(r, 10, slower, .9)}, Doubt, []Verb{Doubt}},
		"the same":                        {10, []Rerun{again(r, 10, slower, 1)}, Refute, []Verb{Refute}},
		"noise that hides it":             {10, []Rerun{noisy}, Doubt, []Verb{Doubt}},
		"a run without a value":           {10, []Rerun{short}, Doubt, []Verb{Doubt}},
		"a small one may hide within 2 %": {10, []Rerun{again(r, 10, little, 1.008)}, Doubt, []Verb{Doubt}},
		"one of two":                      {10, []Rerun{again(r, 10, slower, 1), again(r, 10, slower, 1.1)}, Confirm, []Verb{Refute, Confirm}},
		"one of two is not known":         {10, []Rerun{again(r, 10, slower, 1), noisy}, Doubt, []Verb{Refute, Doubt}},
		"a count":                         {6, []Rerun{{Suspicion{7, 8, true}, flat(6, 7, 8)}}, Confirm, []Verb{Confirm}},
		"a count, equal":                  {6, []Rerun{{Suspicion{7, 8, true}, flat(6, 7, 7)}}, Refute, []Verb{Refute}},
		"a count that fell":               {6, []Rerun{{Suspicion{7, 8, true}, flat(6, 8, 7)}}, Doubt, []Verb{Doubt}},
		"a new count":                     {6, []Rerun{{Suspicion{0, 8, true}, flat(6, 0, 8)}}, Confirm, []Verb{Confirm}},
		"no line":                         {6, nil, Doubt, []Verb{}},
		"too few pairs":                   {5, []Rerun{again(r, 5, slower, 1.1)}, Doubt, []Verb{Doubt}},
	} {
		got, seen := Judge(c.pairs, c.lines)
		of := []Verb{}
		for _, s := range seen {
			of = append(of, s.Verb)
		}
		if got != c.want || !slices.Equal(of, c.of) {
			t.Errorf("%s: %s of %v, want %s of %v", name, got, of, c.want, c.of)
		}
	}
}

// TestARerunOfTheSameConfirmsRarely: by the boundary of the last of six looks, 2 % of reruns of the same version differ, half of them to
// the suspected side; with ten lines no more.
func TestARerunOfTheSameConfirmsRarely(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	const runs = 4_000
	for _, lines := range []int{1, 10} {
		confirmed, refuted, found := 0, 0, 0
		for range runs {
			same, slower := make([]Rerun, lines), make([]Rerun, lines)
			for i := range lines {
				same[i], slower[i] = again(r, 10, Suspicion{100, 105, false}, 1), again(r, 10, Suspicion{100, 105, false}, 1.05)
			}
			switch verb, _ := Judge(10, same); verb {
			case Confirm:
				confirmed++
			case Refute:
				refuted++
			}
			if verb, _ := Judge(10, slower); verb == Confirm {
				found++
			}
		}
		t.Logf("%d lines: confirmed %d, refuted %d, a step of 5 %% found %d of %d", lines, confirmed, refuted, found, runs)
		if share := float64(confirmed) / runs; share > .015 {
			t.Errorf("%d lines: %.3f of reruns of the same are confirmed", lines, share)
		}
		if share := float64(found) / runs; share < .99 {
			t.Errorf("%d lines: a step of 5 %% in noise of 1 %% is confirmed in %.3f", lines, share)
		}
	}
}

func TestWhatIsTheSameIsHalfOfWhatIsSuspected(t *testing.T) {
	t.Parallel()
	for s, want := range map[Suspicion]float64{
		{100, 120, false}: .02, {100, 102.01, false}: .01, {102.01, 100, false}: .01, {0, 5, false}: .02, {100, 100, false}: 1e-4,
		{-1, 5, false}: .02,
	} {
		if got := s.Within(); math.Abs(got-want) > 1e-12 {
			t.Errorf("%v: %v, want %v", s, got, want)
		}
	}
}

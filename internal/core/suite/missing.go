package suite

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/core/rank"
)

// Compared is the machines of a comparison after what their suite says about missing cells.
type Compared struct {
	Machines   []rank.Machine
	Incomplete []string // those that are left out because they lack expected benchmarks, as kind/name, in order
	Penalised  int      // cells that were filled
}

// penalty is how many times the worst mean a missing cell counts under Penalise.
const penalty = 2

// Compare applies e.Missing to machines whose means are times. Require leaves a machine out that lacks an expected benchmark; Penalise
// gives it twice the largest mean that any machine has, unless no machine has one; Ignore changes nothing, and rank.Machines then
// compares what all have. Machines are not changed.
func (e Expected) Compare(machines []rank.Machine) (out Compared) {
	worst := map[string]float64{}
	for _, m := range machines {
		for b, mean := range m.Means {
			if valid(mean) {
				worst[b] = max(worst[b], mean)
			}
		}
	}
	for _, m := range machines {
		lacks := slices.DeleteFunc(slices.Clone(e.Benchmarks), func(b string) bool { return valid(m.Means[b]) })
		switch {
		case len(lacks) == 0 || e.Missing == Ignore:
		case cmp.Or(e.Missing, Require) == Require:
			out.Incomplete = append(out.Incomplete, m.Kind+"/"+m.Name)
			continue
		default:
			m.Means = maps.Clone(m.Means)
			for _, b := range lacks {
				if worst[b] > 0 {
					m.Means[b] = penalty * worst[b]
					out.Penalised++
				}
			}
		}
		out.Machines = append(out.Machines, m)
	}
	slices.Sort(out.Incomplete)
	return out
}

func valid(mean float64) bool { return mean > 0 && !math.IsInf(mean, 0) }

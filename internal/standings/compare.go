package standings

import (
	"fmt"
	"math"
	"slices"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/rank"
	"github.com/tachograph/tacho/internal/core/stats"
	"github.com/tachograph/tacho/internal/core/suite"
)

// Compare compares two sweeps type by type. The number of a machine is the mean of logarithms over the benchmarks that all machines of its
// type have in both sweeps; machines are the samples of Welch's test, and all types are tests of one family (Holm, 5 %). Suspect machines
// and those that a suite leaves out because they lack an expected benchmark are not among them; Left names the latter. Nothing is filled
// in: what Penalise fills comes of the other types of a sweep. It is an error if the sweeps were measured in different units.
func Compare(before, after Sweep) (out api.StandingsComparison, err error) {
	out = api.StandingsComparison{Before: before.Title, After: after.Title, Measure: after.Measure, Unit: after.Unit, Higher: after.Higher,
		Types: []api.StandingsChange{}}
	if before.Measure != after.Measure || before.Unit != after.Unit || before.Higher != after.Higher {
		return out, fmt.Errorf("%s in %s and %s in %s cannot be compared; name a measure that both have", before.Measure, before.Unit,
			after.Measure, after.Unit)
	}
	var sides [2]map[string][]rank.Machine
	several := before.several() || after.several()
	for i, s := range []Sweep{before, after} {
		var incomplete []Suspect
		if sides[i], incomplete, err = s.counted(several); err != nil {
			return out, err
		}
		for _, m := range incomplete {
			out.Left = append(out.Left, Skipped{Name: m.Type, Reason: fmt.Sprintf("machine %s of the %s sweep: %s", m.Machine,
				[]string{"earlier", "later"}[i], m.Reason)})
		}
	}
	var ps []float64
	for _, t := range after.Types {
		a, b := sides[0][t.Name], sides[1][t.Name]
		leave := func(why string) { out.Left = append(out.Left, Skipped{Name: t.Name, Reason: why}) }
		if len(a) == 0 || len(b) == 0 {
			leave("no machine of it counts in both sweeps")
			continue
		}
		gs, benchmarks := logs(a, b)
		if benchmarks == 0 {
			leave("no benchmark is on all of its machines in both sweeps")
			continue
		}
		w := stats.Welch(gs[0], gs[1])
		c := api.StandingsChange{Name: t.Name, Before: math.Exp(stats.Mean(gs[0])), After: math.Exp(stats.Mean(gs[1])),
			Ratio: math.Exp(w.Estimate), Benchmarks: benchmarks, Machines: [2]int{len(a), len(b)}, Verdict: "not_separable"}
		if w.Known() {
			lower, upper := w.Interval(0.95)
			c.Interval = between(math.Exp(lower), math.Exp(upper))
		}
		ps = append(ps, w.P)
		out.Types = append(out.Types, c)
	}
	for i, q := range stats.Holm(ps) {
		c := &out.Types[i]
		if math.IsNaN(q) {
			continue
		}
		c.P = some(q)
		switch {
		case q > 0.05:
		case c.Ratio > 1 == after.Higher:
			c.Verdict = "better"
		default:
			c.Verdict = "worse"
		}
	}
	for _, t := range before.Types {
		if !slices.ContainsFunc(after.Types, func(o Type) bool { return o.Name == t.Name }) {
			out.Left = append(out.Left, Skipped{Name: t.Name, Reason: "the later sweep does not have it"})
		}
	}
	return out, nil
}

// counted are the machines that count, by type, and those that lack an expected benchmark and therefore do not. several: benchmarks bear
// the names of their workloads.
func (s Sweep) counted(several bool) (out map[string][]rank.Machine, incomplete []Suspect, err error) {
	types := map[string]*Type{}
	for i := range s.Types {
		types[s.Types[i].Name] = &s.Types[i]
	}
	machines, _, err := s.machines(types, several)
	if err != nil {
		return nil, nil, err
	}
	machines = slices.DeleteFunc(machines, func(m rank.Machine) bool {
		_, suspect := types[m.Kind].Suspect[m.Name]
		return suspect
	})
	if s.Expected.Missing == suite.Penalise {
		s.Expected.Missing = suite.Ignore
	}
	kept, incomplete, _ := s.complete(machines, several)
	out = map[string][]rank.Machine{}
	for _, m := range kept {
		out[m.Kind] = append(out[m.Kind], m)
	}
	return out, incomplete, nil
}

// logs are the numbers of the machines of both sides, over the benchmarks that all of them have.
func logs(a, b []rank.Machine) (gs [2][]float64, benchmarks int) {
	count := map[string]int{}
	for _, m := range slices.Concat(a, b) {
		for name := range m.Means {
			count[name]++
		}
	}
	var common []string
	for name, n := range count {
		if n == len(a)+len(b) {
			common = append(common, name)
		}
	}
	slices.Sort(common) // sums round
	for i, side := range [][]rank.Machine{a, b} {
		for _, m := range side {
			g := 0.0
			for _, name := range common {
				g += math.Log(m.Means[name])
			}
			gs[i] = append(gs[i], g/float64(len(common)))
		}
	}
	return gs, len(common)
}

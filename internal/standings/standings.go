// Package standings is the report of a sweep: which kinds of machine are how fast, how evenly, for how much, and which the data cannot put
// in order.
//
// Build takes what each process measured and makes a Report; WritePage, WriteCSV and the JSON of the Report show it. One process is one
// value of a benchmark; the mean over the processes of a machine is the machine's value; machines are the sample of every claim (package
// rank: Welch, Holm over all pairs, ranks as ranges). Prices are exact for their date, so only speed has intervals. Nothing here does I/O
// or knows the time. The command line and the pages call it.
package standings

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/rank"
	"github.com/tachograph/tacho/internal/core/suite"
)

// Sweep is what is reported on.
type Sweep struct {
	Title     string
	Suite     string
	Measure   string // what was measured: "latency"
	Unit      string // of the values: "ms"
	Higher    bool   // larger values are better
	Started   time.Time
	Ended     time.Time
	Types     []Type
	Processes []Process
	Facts     []Fact         // provenance: versions, digests, commits, prices
	Measures  []string       // names of all that there are
	Expected  suite.Expected // of each workload
	Notes     []string       // what was left out before, and why
}

// Type is a kind of machine in the sweep.
type Type struct {
	Name    string            // unique in the sweep, as people call it
	CPU     string            // really found; "": not known
	Price   *Price            // nil: not known; zero dollars: free
	Wanted  int               // machines asked for
	Skipped string            // why it took no part, for people; "": it did
	Suspect map[string]string // machines that are not counted, and why
}

// Process is what one process of a workload measured.
type Process struct {
	Type      string
	Machine   string // its name, unique in the sweep
	Workload  string
	Repeat    int // from 1
	Place     int // in the order of its machine, from 1
	Benchmark string
	Value     float64 // the mean after warm-up
}

// What a report is made of is what it is on the wire.
type (
	Row     = api.Standing
	Price   = api.StandingsPrice
	Fact    = api.StandingsFact
	Skipped = api.StandingsSkipped
	Missing = api.StandingsMissing
	Tie     = api.StandingsTie
	Suspect = api.StandingsSuspect
)

// Report is the standings of a sweep, with what its charts are drawn from.
type Report struct {
	api.Standings

	sweep     Sweep
	strips    []strip
	frontiers []int // rows on the frontier, the cheapest first
}

// tiesShown bounds the ties that are listed. Of 60 types that are alike there are 1,770.
const tiesShown = 50

// key names a benchmark of a sweep. Where there are several workloads, theirs comes first.
func key(p Process, several bool) string {
	if several {
		return p.Workload + " / " + p.Benchmark
	}
	return p.Benchmark
}

// Build makes the report. It is an error if a process names a type that is not there, or a value is not above zero and finite: then
// somebody read something wrong, and a report without it would be a lie.
func Build(s Sweep) (*Report, error) {
	out := &Report{sweep: s, Standings: api.Standings{Title: s.Title, Suite: s.Suite, Measure: s.Measure, Unit: s.Unit, Higher: s.Higher,
		Facts: s.Facts, Rows: []Row{}, Benchmarks: []string{}}}
	if len(s.Measures) > 1 {
		out.Measures = s.Measures
	}
	if !s.Started.IsZero() {
		out.Started = &s.Started
	}
	if !s.Ended.IsZero() {
		out.Ended = &s.Ended
	}
	types := make(map[string]*Type, len(s.Types))
	for i := range s.Types {
		if types[s.Types[i].Name] != nil {
			return nil, fmt.Errorf("two types are called %q", s.Types[i].Name)
		}
		types[s.Types[i].Name] = &s.Types[i]
	}
	several := s.several()
	machines, processes, err := s.machines(types, several)
	if err != nil {
		return nil, err
	}
	var counted []rank.Machine
	for _, m := range machines {
		if reason, suspect := types[m.Kind].Suspect[m.Name]; suspect {
			out.Suspects = append(out.Suspects, Suspect{Type: m.Kind, Machine: m.Name, Reason: reason})
		} else {
			counted = append(counted, m)
		}
	}
	var filled int
	counted, out.Incomplete, filled = s.complete(counted, several)
	r := rank.Machines(counted, rank.Options{Higher: s.Higher})
	out.Benchmarks = append(out.Benchmarks, r.Common...)
	for _, name := range r.LeftOut {
		out.LeftOut = append(out.LeftOut, Missing{Benchmark: name, Types: lacking(counted, name)})
	}
	for _, k := range r.Kinds {
		row := rowOf(k, *types[k.Name])
		row.Processes = processes[k.Name]
		for _, missing := range out.LeftOut {
			if slices.Contains(missing.Types, k.Name) {
				row.Missing++
			}
		}
		out.Rows = append(out.Rows, row)
	}
	out.relate(r)
	if len(out.Suspects) > 0 {
		all, _, _ := s.complete(machines, several)
		out.withSuspects(rank.Machines(all, rank.Options{Higher: s.Higher}))
	}
	out.ties(r)
	if r.Separation > 0 {
		out.Separable = some(1 + r.Separation)
	}
	for _, t := range s.Types {
		if !slices.ContainsFunc(out.Rows, func(r Row) bool { return r.Name == t.Name }) {
			out.Skipped = append(out.Skipped, Skipped{Name: t.Name, Reason: cmp.Or(t.Skipped, "no machine of it measured what the others have")})
		}
	}
	out.strips = strips(out)
	out.Notes = slices.Concat(s.Notes, out.notes(filled))
	return out, nil
}

// machines are the machines with the mean over processes of each benchmark, in the order of their types and then by name.
func (s Sweep) machines(types map[string]*Type, several bool) (out []rank.Machine, processes map[string]int, err error) {
	type sum struct {
		total float64
		n     int
	}
	sums, at := []map[string]sum{}, map[string]int{}
	type process struct {
		machine, workload string
		repeat            int
	}
	seen := map[process]bool{}
	processes = map[string]int{}
	for _, p := range s.Processes {
		if types[p.Type] == nil {
			return nil, nil, fmt.Errorf("machine %q is of type %q, which the sweep does not have", p.Machine, p.Type)
		}
		if !(p.Value > 0) || math.IsInf(p.Value, 1) {
			return nil, nil, fmt.Errorf("%s on machine %q is %g; a value has to be above zero", p.Benchmark, p.Machine, p.Value)
		}
		i, known := at[p.Machine]
		if !known {
			i = len(out)
			at[p.Machine] = i
			out, sums = append(out, rank.Machine{Kind: p.Type, Name: p.Machine}), append(sums, map[string]sum{})
		} else if out[i].Kind != p.Type {
			return nil, nil, fmt.Errorf("machine %q is of two types, %s and %s", p.Machine, out[i].Kind, p.Type)
		}
		if id := (process{p.Machine, p.Workload, p.Repeat}); !seen[id] {
			seen[id] = true
			processes[p.Type]++
		}
		k := key(p, several)
		sums[i][k] = sum{sums[i][k].total + p.Value, sums[i][k].n + 1}
	}
	for i := range out {
		out[i].Means = make(map[string]float64, len(sums[i]))
		for k, s := range sums[i] {
			out[i].Means[k] = s.total / float64(s.n)
		}
	}
	slices.SortStableFunc(out, func(a, b rank.Machine) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return out, processes, nil
}

// complete does about machines that lack an expected benchmark what the suite says: some are left out, or get values.
func (s Sweep) complete(machines []rank.Machine, several bool) (kept []rank.Machine, incomplete []Suspect, filled int) {
	if len(s.Expected.Benchmarks) == 0 {
		return machines, nil, 0
	}
	e := suite.Expected{Missing: s.Expected.Missing}
	for _, p := range s.Processes { // of workloads that anybody has measured
		for _, b := range s.Expected.Benchmarks {
			e.Benchmarks = append(e.Benchmarks, key(Process{Workload: p.Workload, Benchmark: b}, several))
		}
		if !several {
			break
		}
	}
	slices.Sort(e.Benchmarks)
	e.Benchmarks = slices.Compact(e.Benchmarks)
	compared := e.Compare(s.inverted(machines))
	there := map[string]bool{}
	for _, m := range compared.Machines {
		there[m.Name] = true
	}
	for _, m := range machines {
		if !there[m.Name] {
			incomplete = append(incomplete, Suspect{Type: m.Kind, Machine: m.Name, Reason: e.Check(slices.Collect(maps.Keys(m.Means))).String()})
		}
	}
	return s.inverted(compared.Machines), incomplete, compared.Penalised
}

// inverted makes times of rates, and rates of times, where larger values are better: package suite knows times.
func (s Sweep) inverted(machines []rank.Machine) []rank.Machine {
	if !s.Higher {
		return machines
	}
	out := slices.Clone(machines)
	for i, m := range out {
		out[i].Means = make(map[string]float64, len(m.Means))
		for b, mean := range m.Means {
			out[i].Means[b] = 1 / mean
		}
	}
	return out
}

// several reports whether there are several workloads.
func (s Sweep) several() bool {
	return slices.ContainsFunc(s.Processes, func(p Process) bool { return p.Workload != s.Processes[0].Workload })
}

// lacking are the types of which a machine lacks the benchmark.
func lacking(machines []rank.Machine, benchmark string) (out []string) {
	for _, m := range machines {
		if _, there := m.Means[benchmark]; !there && !slices.Contains(out, m.Kind) {
			out = append(out, m.Kind)
		}
	}
	return out
}

func some(x float64) *float64 { return &x }

// between is a range, nil where it is not known.
func between(lower, upper float64) *[2]float64 {
	if math.IsNaN(lower) || math.IsNaN(upper) {
		return nil
	}
	return &[2]float64{lower, upper}
}

func rowOf(k rank.Kind, t Type) Row {
	row := Row{Name: k.Name, CPU: t.CPU, Best: k.Best, Worst: k.Worst, Mean: k.Mean, Interval: between(k.Lower, k.Upper), Price: t.Price,
		Machines: k.Machines, Wanted: max(t.Wanted, k.Machines)}
	if !math.IsNaN(k.SD) {
		row.Spread, row.SpreadRange = some(k.SD), between(k.SDLower, k.SDUpper)
	}
	return row
}

// relate sets what rows are against each other: speed, work for the money, who dominates whom.
func (r *Report) relate(ranking rank.Ranking) {
	if len(r.Rows) == 0 {
		return
	}
	fastest := r.Rows[0].Mean
	prices := map[string]float64{}
	for i, row := range r.Rows {
		r.Rows[i].Relative = fastest / row.Mean
		if r.Higher {
			r.Rows[i].Relative = row.Mean / fastest
		}
		if row.Price != nil {
			prices[row.Name] = row.Price.PerHour
		}
	}
	offers, _ := ranking.Offers(prices, r.Higher)
	least := math.Inf(1)
	for _, o := range offers {
		least = min(least, o.Cost)
	}
	for _, o := range offers {
		row := &r.Rows[o.Kind]
		row.Work, row.WorkRange = some(least/o.Cost), between(least/o.Upper, least/o.Lower)
		if row.Domination = string(o.Domination); o.Domination == rank.NotDominated {
			r.frontiers = append(r.frontiers, o.Kind)
		} else {
			row.By, row.Chance = r.Rows[o.By].Name, some(o.Chance)
		}
	}
}

// withSuspects sets the ranks that rows would have if suspect machines counted. Types that have suspects only are not rows.
func (r *Report) withSuspects(ranking rank.Ranking) {
	for _, k := range ranking.Kinds {
		if i := slices.IndexFunc(r.Rows, func(row Row) bool { return row.Name == k.Name }); i >= 0 {
			r.Rows[i].BestAll, r.Rows[i].WorstAll = k.Best, k.Worst
		}
	}
}

// ties lists what is not separable, the closest ranks first.
func (r *Report) ties(ranking rank.Ranking) {
	for _, p := range ranking.Pairs {
		if p.Separable {
			continue
		}
		a, b := ranking.Kinds[p.A], ranking.Kinds[p.B]
		tie := Tie{A: a.Name, B: b.Name, Ratio: p.Ratio}
		if !math.IsNaN(p.Adjusted) {
			tie.P = some(p.Adjusted)
		}
		if sd := math.Max(a.SD, b.SD); sd > 0 && p.Ratio > 0 && math.Abs(p.Ratio-1) > 0.005 {
			tie.Machines = rank.MachinesNeeded(sd, math.Abs(p.Ratio-1))
		}
		r.Ties = append(r.Ties, tie)
	}
	slices.SortStableFunc(r.Ties, func(a, b Tie) int { return cmp.Compare(math.Abs(math.Log(a.Ratio)), math.Abs(math.Log(b.Ratio))) })
}

// notes say what a reader has to know before the table is believed.
func (r *Report) notes(filled int) (out []string) {
	single, unpriced, incomplete := 0, 0, 0
	for _, row := range r.Rows {
		if row.Machines == 1 {
			single++
		}
		if row.Work == nil { // nothing can be had for the dollar of what is free
			unpriced++
		}
		if row.Machines < row.Wanted {
			incomplete++
		}
	}
	note := func(n int, one, many string) {
		switch {
		case n == 1:
			out = append(out, one)
		case n > 1:
			out = append(out, fmt.Sprintf(many, n))
		}
	}
	if len(r.Rows) == 0 {
		out = append(out, "No benchmark was measured on every machine, so there is nothing to compare.")
	}
	note(single, "One type has a single machine: nothing is known of how machines of it differ, so it is in no order.",
		"%d types have a single machine each: nothing is known of how machines of them differ, so they are in no order.")
	note(incomplete, "One type has fewer machines than were asked for.", "%d types have fewer machines than were asked for.")
	note(unpriced, "One type is free or has no price, and is not in the chart of prices.",
		"%d types are free or have no price, and are not in the chart of prices.")
	note(len(r.LeftOut), "One benchmark is left out, because some machine lacks it.",
		"%d benchmarks are left out, because some machine lacks them.")
	note(len(r.Incomplete), "One machine lacks an expected benchmark and is not compared.",
		"%d machines lack an expected benchmark and are not compared.")
	note(filled, "One missing value counts as twice the worst that any machine has.",
		"%d missing values count as twice the worst that any machine has.")
	note(len(r.Suspects), "One machine is suspect and does not count; ranks with it are given beside.",
		"%d machines are suspect and do not count; ranks with them are given beside.")
	return out
}

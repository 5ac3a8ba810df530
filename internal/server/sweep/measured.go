package sweep

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	corejob "github.com/tachograph/tacho/internal/core/job"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/standings"
)

// Standings are the report of a sweep by one measure; "": the one of which there are most values.
func (s *Service) Standings(ctx context.Context, actor access.Actor, projectRef, ref, measure string) (*standings.Report, error) {
	m, err := s.Measured(ctx, actor, projectRef, ref, measure)
	if err != nil {
		return nil, err
	}
	return standings.Of(m)
}

// Measured is what the processes of a sweep measured, by one measure; "": the one of which there are most values. Results that came late
// or are marked as bad are not among them, nor values that no geometric mean can have; the notes say how many.
//
// Errors are faults: Missing for a measure that the sweep does not have, TooLarge beyond limits.SweepValues.
func (s *Service) Measured(ctx context.Context, actor access.Actor, projectRef, ref, measure string) (out api.SweepMeasurements,
	err error) {
	var of all
	var tasks []read
	var lines map[int64]series.Series
	var benchmarks map[string]series.Benchmark
	var measures map[string]series.Measure
	err = s.Door.View(ctx, actor, projectRef, func(tx *store.Tx, p project.Project) error {
		w, err := Find(ctx, tx, p.ID, ref)
		if err != nil {
			return err
		}
		if of, err = rowsOf(ctx, tx, w); err != nil {
			return err
		}
		if tasks, lines, err = readTasks(ctx, tx, w); err != nil {
			return err
		}
		var b, m []string
		for _, line := range lines {
			b, m = append(b, line.BenchmarkID), append(m, line.MeasureID)
		}
		slices.Sort(b)
		slices.Sort(m)
		if benchmarks, err = series.BenchmarksByID(ctx, tx, slices.Compact(b)); err != nil {
			return err
		}
		measures, err = series.MeasuresByID(ctx, tx, slices.Compact(m))
		return err
	})
	if err != nil {
		return out, err
	}
	by, all, err := chosen(measure, tasks, lines, measures)
	if err != nil {
		return out, fault.Wrap(fault.Of(err), err, "sweep %s: %s", of.sweep.ExternalID, fault.Message(err))
	}
	out = of.measurements()
	out.Measure, out.Unit, out.Higher, out.Measures = by.Name, by.Units, by.Direction == string(api.HigherIsBetter), all
	of.processes(&out, tasks, func(id int64) (string, bool) {
		return benchmarks[lines[id].BenchmarkID].Name, lines[id].MeasureID == by.ID
	})
	return out, nil
}

// read is a task with what its report holds.
type read struct {
	Task
	marked bool // as bad; such a report has no values here
	values []value
}

type value struct {
	series int64
	value  float64
}

// readTasks reads the values of all tasks whose results count.
func readTasks(ctx context.Context, tx *store.Tx, w Sweep) (out []read, lines map[int64]series.Series, err error) {
	rows, err := tx.Query(ctx, `select `+taskColumns+taskFrom+` join pool p on p.id = t.pool_id join slot s on s.id = t.slot_id
		where t.sweep_id = $1 order by p.ordinal, s.ordinal, t.place limit $2`, w.ID, limits.SweepTasks)
	tasks, err := store.Collect(rows, err, scanTask)
	if err != nil {
		return nil, nil, err
	}
	counts := func(t Task) bool { return t.State == string(api.JobProcessed) && !t.Late && t.MachineID != nil }
	var reports []string
	for _, t := range tasks {
		if counts(t) {
			reports = append(reports, t.ReportID)
		}
	}
	marked, err := report.Marked(ctx, tx, reports)
	if err != nil {
		return nil, nil, err
	}
	values, err := valuesOf(ctx, tx, slices.DeleteFunc(reports, func(id string) bool { return marked[id] }))
	if err != nil {
		return nil, nil, err
	}
	for _, t := range tasks {
		one := read{Task: t}
		if counts(t) {
			one.marked, one.values = marked[t.ReportID], values[t.ReportID]
		}
		out = append(out, one)
	}
	lines = map[int64]series.Series{}
	var ids []int64
	for _, t := range out {
		for _, v := range t.values {
			if _, known := lines[v.series]; !known {
				lines[v.series] = series.Series{}
				ids = append(ids, v.series)
			}
		}
	}
	lines, err = series.ByID(ctx, tx, ids)
	return out, lines, err
}

// valuesOf are the values of reports by their ids, none of one that was deleted. More than limits.SweepValues are TooLarge.
func valuesOf(ctx context.Context, tx *store.Tx, ids []string) (map[string][]value, error) {
	reports, err := report.ByIDs(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	var seqs []int64
	for _, r := range reports {
		seqs = append(seqs, r.Seq)
	}
	n, err := report.CountMetrics(ctx, tx, seqs...)
	if err != nil {
		return nil, err
	}
	if n > limits.SweepValues {
		return nil, fault.TooLargef("the sweep has more than %d values; its archive has all of them", limits.SweepValues)
	}
	metrics, err := report.MetricsOf(ctx, tx, seqs)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]value, len(reports))
	for id, r := range reports {
		out[id] = store.Map(metrics[r.Seq], func(m report.Metric) value { return value{m.SeriesID, m.Value} })
	}
	return out, nil
}

// chosen is the measure that is asked for by name or slug, else the one with most values, and the names of all. Without values there is
// none.
func chosen(ref string, tasks []read, lines map[int64]series.Series, measures map[string]series.Measure) (by series.Measure,
	names []string, err error) {
	count := map[string]int{}
	for _, t := range tasks {
		for _, v := range t.values {
			count[lines[v.series].MeasureID]++
		}
	}
	all := slices.SortedFunc(maps.Values(measures), func(a, b series.Measure) int {
		return cmp.Or(cmp.Compare(count[b.ID], count[a.ID]), cmp.Compare(a.Name, b.Name))
	})
	names = store.Map(all, func(m series.Measure) string { return m.Name })
	for _, m := range all {
		if ref == "" || m.Name == ref || m.Slug == ref || m.ID == ref {
			return m, names, nil
		}
	}
	if ref == "" || len(all) == 0 {
		return by, names, nil
	}
	return by, names, fault.Missingf("measure %.64q: nothing was measured by it; there is %s", ref, strings.Join(names, ", "))
}

// measurements is all but the measure and the processes.
func (a all) measurements() api.SweepMeasurements {
	w := a.sweep
	out := api.SweepMeasurements{Title: w.Name, Suite: w.Plan.Suite, Started: w.Created, Ended: w.Ended, Expected: w.Plan.Expected,
		Types: []api.MeasuredType{}, Processes: []api.SweepProcess{}}
	for _, p := range a.pools {
		t := api.MeasuredType{Name: p.Alias, Provider: p.Provider, Type: p.Type, Wanted: p.Hosts, Suspect: map[string]string{}}
		if len(p.Regions) > 0 {
			t.Region = p.Regions[0]
		}
		if p.Price.Known {
			t.Price = &api.StandingsPrice{PerHour: float64(p.Price.PerHour) / 1e6, Date: p.Price.Date, Source: p.Price.Source}
		}
		if p.Skipped != nil {
			t.Skipped = cmp.Or(p.Skipped.Sentence, string(p.Skipped.Reason))
		}
		cpus := map[string]bool{}
		for _, m := range a.machines {
			if m.Pool != p.ID {
				continue
			}
			if m.Suspect != "" {
				t.Suspect[m.ID] = m.Suspect
			}
			if m.Facts != nil && m.Facts.CPU != "" {
				cpus[m.Facts.CPU] = true
			}
		}
		t.CPU = strings.Join(slices.Sorted(maps.Keys(cpus)), " / ")
		out.Types = append(out.Types, t)
	}
	fact := func(name, text string) {
		if text != "" {
			out.Facts = append(out.Facts, api.StandingsFact{Name: name, Value: text})
		}
	}
	fact("sweep", w.ExternalID)
	for _, name := range slices.Sorted(maps.Keys(w.Plan.Params)) {
		fact("parameter "+name, w.Plan.Params[name])
	}
	for _, load := range w.Plan.Workloads {
		fact("image of "+load.Name, load.Image)
	}
	fact("repeats", fmt.Sprint(w.Plan.Repeats))
	fact("seed of the order", w.Plan.Seed)
	fact("outcome", string(w.Outcome))
	return out
}

// processes adds what was measured, and notes what was left out. of says of a series which benchmark it is of, and whether it counts.
func (a all) processes(out *api.SweepMeasurements, tasks []read, of func(series int64) (string, bool)) {
	alias := map[string]string{}
	for _, p := range a.pools {
		alias[p.ID] = p.Alias
	}
	late, open, marked, deleted, unusable := 0, 0, 0, 0, 0
	failed := map[string]int{}
	for _, t := range tasks {
		switch {
		case t.Late:
			late++
		case t.marked:
			marked++
		case t.State == string(api.JobProcessed) && len(t.values) == 0:
			deleted++
		case t.State == string(api.JobFailed):
			failed[cmp.Or(t.Reason, "no reason given")]++
		case t.State == string(api.JobCanceled):
			failed["canceled"]++
		case !corejob.Ended(api.JobStatus(t.State)):
			open++
		}
		if len(t.values) == 0 {
			continue
		}
		sums, counts := map[string]float64{}, map[string]int{}
		for _, v := range t.values {
			name, counted := of(v.series)
			switch {
			case !counted:
			case !(v.value > 0) || math.IsInf(v.value, 0):
				unusable++
			default:
				sums[name] += v.value
				counts[name]++
			}
		}
		for name, n := range counts {
			sums[name] /= float64(n)
		}
		if len(sums) > 0 {
			out.Processes = append(out.Processes, api.SweepProcess{Type: alias[t.PoolID], Machine: *t.MachineID, Workload: t.Workload,
				Repeat: t.Repeat, Place: t.Place, Values: sums})
		}
	}
	note := func(n int, before, one, many, after string) {
		switch {
		case n == 1:
			out.Notes = append(out.Notes, before+"1 "+one+after)
		case n > 1:
			out.Notes = append(out.Notes, fmt.Sprintf("%s%d %s%s", before, n, many, after))
		}
	}
	note(open, "Not all is in: ", "task has", "tasks have", " not ended.")
	note(late, "Late, and not counted: ", "result", "results", " came after the sweep was closed.")
	note(marked, "Marked as bad, and not counted: ", "result", "results", ".")
	note(deleted, "Not there any more: ", "result has", "results have", " no values.")
	note(unusable, "Not above zero, and not counted: ", "value", "values", ".")
	for _, reason := range slices.Sorted(maps.Keys(failed)) {
		note(failed[reason], "Without a result: ", "task", "tasks", " ("+reason+").")
	}
}

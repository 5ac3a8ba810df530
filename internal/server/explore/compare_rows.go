package explore

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/change"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/judge/wire"
	"github.com/tachograph/tacho/internal/core/limits"
	corepolicy "github.com/tachograph/tacho/internal/core/policy"
	"github.com/tachograph/tacho/internal/core/stats"
	"github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/server/policy"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/report/history"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// measured is what was measured of the two sides, by series.
type measured struct {
	series     []int64 // those of the base, then those of the head alone, in the order of the tool
	of         map[int64]series.Series
	benchmarks map[string]series.Benchmark
	measures   map[string]series.Measure
	values     map[int64][]observed // of the reports of both sides
	samples    map[observation][]float64
	accepted   map[int64]int64 // of a history: where the newest change of a series begins that people accepted
	severities policy.Severities
	noise      map[int64]report.Noise // what identical code has shown
}

// observed is a value of a series.
type observed struct {
	observation
	value float64
}

// observation is where a value stands: the report's number, and the iteration.
type observation struct {
	series, report int64
	iteration      int
}

// measure reads the values of both sides.
func (c comparing) measure(ctx context.Context, tx *store.Tx, p project.Project, f *sides) (*measured, error) {
	m := &measured{values: map[int64][]observed{}, samples: map[observation][]float64{}}
	if f.reason != "" {
		return m, nil
	}
	// Of a history the newest report says which benchmarks there are: what is older and gone was not lost by the head.
	var with []int64
	if f.base.history {
		with = f.base.seqs()[:1]
	} else {
		with = f.base.seqs()
	}
	slices.Reverse(with) // in the order in which they came
	all, err := report.SeriesOf(ctx, tx, append(with, f.head.seqs()...)...)
	if err != nil {
		return nil, err
	}
	if m.of, err = series.ByID(ctx, tx, all); err != nil {
		return nil, err
	}
	if m.series, err = c.wanted(ctx, tx, p, all, m.of); err != nil {
		return nil, err
	}
	if n := len(m.series); n > limits.CompareRows {
		return nil, fault.Invalidf("compare: the sides have %d benchmarks × measures together, the limit is %d; name one measure", n,
			limits.CompareRows)
	}
	w := wanted{}
	for _, id := range m.series {
		w.benchmarks, w.measures = append(w.benchmarks, m.of[id].BenchmarkID), append(w.measures, m.of[id].MeasureID)
	}
	found, err := load(ctx, tx, w)
	if err != nil {
		return nil, err
	}
	m.benchmarks, m.measures = found.benchmarks, found.measures
	if m.noise, err = report.NoiseOf(ctx, tx, m.series); err != nil {
		return nil, err
	}
	if m.severities, err = policy.SeveritiesAt(ctx, tx, p.ID, f.head.reports[0].HeadID, *f.testbed); err != nil {
		return nil, err
	}
	seqs := append(f.base.seqs(), f.head.seqs()...)
	ours := map[int64]bool{}
	for _, seq := range seqs {
		ours[seq] = true
	}
	n := 0
	if err := history.Each(ctx, tx, m.series, seqs, func(id, seq int64, iteration int, value float64) {
		if !ours[seq] {
			return
		}
		if n++; n <= limits.CompareValues {
			m.values[id] = append(m.values[id], observed{observation{id, seq, iteration}, value})
		}
	}); err != nil {
		return nil, err
	}
	if n > limits.CompareValues {
		return nil, fault.Invalidf("compare: the sides have more than %d values together; name one measure", limits.CompareValues)
	}
	if n := len(f.base.reports); f.base.history && n > 0 {
		m.accepted, err = history.Accepted(ctx, tx, f.base.headID, f.base.reports[n-1].SpecID, f.base.upTo)
		return m, err
	}
	if !f.base.history && len(f.base.reports) == 1 && len(f.head.reports) == 1 {
		return m, m.loadSamples(ctx, tx, f, n)
	}
	return m, nil
}

// wanted are the series of the measures that were asked for.
func (c comparing) wanted(ctx context.Context, tx *store.Tx, p project.Project, all []int64, of map[int64]series.Series) ([]int64, error) {
	if len(c.Measures) == 0 {
		return all, nil
	}
	ids := map[string]bool{}
	for _, ref := range c.Measures {
		m, err := series.MeasureByPath(ctx, tx, p.ID, ref)
		if err != nil {
			return nil, err
		}
		ids[m.ID] = true
	}
	return slices.DeleteFunc(all, func(id int64) bool { return !ids[of[id].MeasureID] }), nil
}

// loadSamples reads what the n values of two reports were made of, thinned evenly where that is much.
func (m *measured) loadSamples(ctx context.Context, tx *store.Tx, f *sides, n int) error {
	most := min(limits.SamplesShown, max(8, limits.CompareSamples/max(1, n)))
	for _, seq := range append(f.base.seqs(), f.head.seqs()...) {
		after := int64(0)
		for {
			metrics, err := report.Metrics(ctx, tx, seq, after, limits.ReadChunk)
			if err != nil || len(metrics) == 0 {
				return err
			}
			after = metrics[len(metrics)-1].ID
			last := len(metrics) < limits.ReadChunk
			metrics = slices.DeleteFunc(metrics, func(v report.Metric) bool { return m.values[v.SeriesID] == nil })
			if err := report.LoadSamples(ctx, tx, metrics, most); err != nil {
				return err
			}
			for _, v := range metrics {
				if len(v.Samples) > 0 {
					m.samples[observation{v.SeriesID, seq, v.Iteration}] = v.Samples
				}
			}
			if last {
				break
			}
		}
	}
	return nil
}

// pairRow is a row that is to be judged.
type pairRow struct {
	series   int64
	old, new judge.Side // of two versions
	past     judge.Past // of a history
	since    *api.Version
}

// answer judges what was measured.
func (c comparing) answer(f *sides, m *measured) (api.Comparison, error) {
	out := api.Comparison{Project: f.project.Wire(), Base: f.base.ComparedSide, Head: f.head.ComparedSide, Verdict: api.VerdictNothingJudged,
		Reason: f.reason, Method: api.MethodVersions, Policy: api.ComparisonPolicy(c.policy), Counts: map[string]int{},
		Rows: []api.ComparisonRow{}, Geomeans: []api.ComparisonMean{}, OnlyBase: []string{}, OnlyHead: []string{},
		LeftOut: orEmpty(f.gaps), Warnings: orEmpty(f.warnings)}
	if f.base.history {
		out.Method = api.MethodHistory
	}
	if f.testbed != nil {
		t := f.testbed.Wire()
		out.Testbed = &t
	}
	if f.reason != "" {
		return out, nil
	}
	rows, err := m.rows(f, &out)
	if err != nil {
		return out, err
	}
	var cs judge.Comparisons
	if f.base.history {
		past := make([]judge.Past, len(rows))
		for i, row := range rows {
			past[i] = row.past
		}
		cs = judge.AgainstHistories(past, c.policy)
	} else {
		pairs := make([]judge.Row, len(rows))
		for i, row := range rows {
			pairs[i] = judge.Row{Benchmark: row.past.Benchmark, Measure: row.past.Measure, Old: row.old, New: row.new,
				Reports: min(len(f.base.reports), len(f.head.reports)) > 1}
			if n, known := m.noise[row.series]; known {
				pairs[i].Noise = n.Noise.Processes()
			}
		}
		cs = judge.Compare(pairs, c.policy)
	}
	for i, row := range rows {
		if n, known := m.noise[row.series]; known {
			cs.Rows[i] = cs.Rows[i].WithNoise(n.Noise, n.Usual)
		}
	}
	var counts judge.Comparisons // what is only shown does not
	for i, row := range rows {
		if s := m.of[row.series]; m.severities.Of(m.benchmarks[s.BenchmarkID], m.measures[s.MeasureID]) != corepolicy.Info {
			counts.Rows = append(counts.Rows, cs.Rows[i])
		}
	}
	out.Verdict, out.Tests = api.ComparisonVerdict(counts.Overall()), cs.Tests
	for _, i := range cs.ByCertainty() {
		row := rows[i]
		s := m.of[row.series]
		one := wire.Row(row.past.Benchmark, row.past.Measure, cs.Rows[i], c.policy)
		one.BenchmarkUUID, one.MeasureUUID, one.Since = s.BenchmarkID, s.MeasureID, row.since
		one.Identical = m.noise[row.series].Units
		one.Severity = string(m.severities.Of(m.benchmarks[s.BenchmarkID], m.measures[s.MeasureID]))
		if c.Samples {
			one.Samples = row.samples(f.base.history)
		}
		out.Counts[string(one.Verdict)]++
		out.Rows = append(out.Rows, one)
	}
	for _, g := range cs.Geomeans {
		if g.Benchmarks > 0 {
			out.Geomeans = append(out.Geomeans, wire.Mean(g))
		}
	}
	if out.Verdict == api.VerdictNothingJudged {
		out.Reason = nothing(out, cs)
		if len(counts.Rows) == 0 && len(cs.Rows) > 0 {
			out.Reason = "the project's policy only shows all of these rows (severity: info)"
		}
	}
	return out, nil
}

// nothing says why no row was judged.
func nothing(out api.Comparison, cs judge.Comparisons) string {
	if len(cs.Rows) == 0 {
		return "no benchmark is on both sides"
	}
	most := 0
	for _, row := range cs.Rows {
		if row.Why == judge.WhyLearning {
			most = max(most, row.Units[0])
		}
	}
	if most == 0 {
		return "no measure has values on both sides"
	}
	return fmt.Sprintf("%s has %s since the last change of each line, and 5 are needed: measure it more often", cmp.Or(out.Base.Name,
		"the base"), plenty(most, "report"))
}

// rows pairs the sides by series, and names in out the benchmarks that one of them lacks.
func (m *measured) rows(f *sides, out *api.Comparison) (rows []pairRow, err error) {
	before, after := byReport(f.base), byReport(f.head)
	has := [2]map[string]bool{{}, {}} // benchmarks
	for _, id := range m.series {
		for _, v := range m.values[id] {
			if _, old := before[v.report]; old {
				has[0][m.of[id].BenchmarkID] = true
			}
			if _, new := after[v.report]; new {
				has[1][m.of[id].BenchmarkID] = true
			}
		}
	}
	for _, id := range m.series {
		s := m.of[id]
		benchmark, measure := m.benchmarks[s.BenchmarkID], m.measures[s.MeasureID]
		if old, new := has[0][s.BenchmarkID], has[1][s.BenchmarkID]; !old || !new {
			list := &out.OnlyBase
			if new {
				list = &out.OnlyHead
			}
			if !slices.Contains(*list, benchmark.Name) && len(*list) < limits.CompareNames {
				*list = append(*list, benchmark.Name)
			}
			continue
		}
		row := pairRow{series: id, past: judge.Past{Benchmark: benchmark.Name, Measure: unit.Measure{Name: measure.Name, Slug: measure.Slug,
			Units: measure.Units, Direction: unit.Direction(measure.Direction), Exact: measure.Exact}}}
		old, new := m.reported(id, before), m.reported(id, after)
		if f.base.history {
			row.past.Head = store.Map(new, reportedValue.Reported)
			if row.past.Base, row.since, err = sinceChange(old, m.accepted[id]); err != nil {
				return nil, err
			}
		} else {
			several := min(len(before), len(after)) > 1
			row.old, row.new = m.side(id, old, several), m.side(id, new, several)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// byReport are the reports of a side by number.
func byReport(s *side) map[int64]*compared {
	out := make(map[int64]*compared, len(s.reports))
	for i := range s.reports {
		out[s.reports[i].Seq] = &s.reports[i]
	}
	return out
}

// reportedValue is what a report has of a series, by iteration.
type reportedValue struct {
	*compared
	values []observed
}

// Reported is the report as package judge has it.
func (r reportedValue) Reported() judge.Reported {
	values := make([]float64, len(r.values))
	for i, v := range r.values {
		values[i] = v.value
	}
	return judge.Reported{Value: stats.Median(values), Values: values, Day: r.StartTime.UTC().Format(time.DateOnly), Host: r.host()}
}

// reported are the values of a series in reports, by report in the order of versions, start and arrival.
func (m *measured) reported(id int64, of map[int64]*compared) []reportedValue {
	found := map[int64]*reportedValue{}
	for _, v := range m.values[id] {
		r, within := of[v.report]
		if !within {
			continue
		}
		if found[v.report] == nil {
			found[v.report] = &reportedValue{compared: r}
		}
		found[v.report].values = append(found[v.report].values, v)
	}
	out := make([]reportedValue, 0, len(found))
	for _, r := range found {
		slices.SortFunc(r.values, func(a, b observed) int { return cmp.Compare(a.iteration, b.iteration) })
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b reportedValue) int {
		return cmp.Or(cmp.Compare(a.number.number, b.number.number), a.StartTime.Compare(b.StartTime), cmp.Compare(a.Seq, b.Seq))
	})
	return out
}

// side are the processes of a series: its reports, if there are several on both sides, else its iterations with their samples.
func (m *measured) side(id int64, reports []reportedValue, several bool) (out judge.Side) {
	for _, r := range reports {
		if several {
			out = append(out, judge.Process{Name: r.ID, Host: r.host(), Values: r.Reported().Values})
			continue
		}
		for _, v := range r.values {
			values := m.samples[observation{id, r.Seq, v.iteration}]
			if len(values) == 0 {
				values = []float64{v.value}
			}
			out = append(out, judge.Process{Name: fmt.Sprintf("%s/%d", r.ID, v.iteration), Host: r.host(), Values: values})
		}
	}
	return out
}

// sinceChange are the reports of a line since its last change, oldest first, and the version that they begin with. What people accepted is
// a change, too: from version accepted on. Versions that failed (single zeros among positive values) are left out.
func sinceChange(reports []reportedValue, accepted int64) (out []judge.Reported, since *api.Version, err error) {
	var values []float64 // of each version
	var from []int       // its first report
	reports = slices.DeleteFunc(slices.Clone(reports), func(r reportedValue) bool { return r.number.number < accepted })
	flat := store.Map(reports, reportedValue.Reported)
	for i := range reports {
		if i == 0 || reports[i].number.number != reports[i-1].number.number {
			from = append(from, i)
		}
	}
	for k, i := range from {
		end := len(reports)
		if k+1 < len(from) {
			end = from[k+1]
		}
		var of []float64
		for _, r := range flat[i:end] {
			of = append(of, r.Value)
		}
		values = append(values, change.Average(of))
	}
	found, err := change.Detect(values, change.Params{})
	if err != nil {
		return nil, nil, err
	}
	for k := found.Regime; k < len(values); k++ {
		if slices.Contains(found.Missing, k) {
			continue
		}
		end := len(reports)
		if k+1 < len(from) {
			end = from[k+1]
		}
		if since == nil {
			r := reports[from[k]]
			since = &api.Version{Number: r.number.number, Hash: r.hash}
		}
		out = append(out, flat[from[k]:end]...)
	}
	return out, since, nil
}

// samples are the values of a row to draw.
func (r pairRow) samples(history bool) *api.ComparisonSamples {
	if history {
		return &api.ComparisonSamples{Old: medians(r.past.Base), New: medians(r.past.Head)}
	}
	return &api.ComparisonSamples{Old: drawn(r.old), New: drawn(r.new)}
}

func medians(reports []judge.Reported) []float64 {
	out := []float64{}
	for _, r := range reports[max(0, len(reports)-limits.CompareShown):] {
		out = append(out, r.Value)
	}
	return out
}

// drawn are the means of a side's processes, or the values of a single one, some of them evenly where there are many.
func drawn(s judge.Side) []float64 {
	var all []float64
	for _, p := range s {
		all = append(all, stats.Mean(p.Values))
	}
	if len(s) == 1 {
		all = s[0].Values
	}
	out := []float64{}
	for i, step := 0, max(1, (len(all)+limits.CompareShown-1)/limits.CompareShown); i < len(all); i += step {
		if v := all[i]; !math.IsNaN(v) && !math.IsInf(v, 0) {
			out = append(out, v)
		}
	}
	return out
}

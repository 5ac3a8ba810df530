package show

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/judge/wire"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/series"
	"github.com/tachograph/tacho/internal/core/unit"
)

// comparison is a report held against an earlier one, by the rows that no threshold judged.
type comparison struct {
	what    string // which report it is
	rows    map[seriesKey]judge.Comparison
	oneEach bool // each side is one process
	notes   []string
}

type seriesKey struct{ benchmark, measure string }

func (c *comparison) of(benchmark, measure string) (judge.Comparison, bool) {
	row, known := c.rows[seriesKey{benchmark, measure}]
	return row, known
}

// Base is the report that a report's image was measured in turns with; empty if it was not.
func Base(report api.Report) (uuid string) {
	if report.Measurement == nil {
		return ""
	}
	head := func(job api.MeasurementJob) bool { return job.Side == api.SideHead && job.Report == report.UUID }
	if !slices.ContainsFunc(report.Measurement.Jobs, head) { // it is the base itself
		return ""
	}
	for _, job := range report.Measurement.Jobs {
		if job.Side == api.SideBase {
			return job.Report
		}
	}
	return ""
}

// Previous finds what to compare with: the report that was measured in turns with it, else the history of where its branch left another
// one (againstStart), else the newest earlier report with results of the same branch and testbed or, on a new branch, the one where that
// left. It returns nil when every metric was judged already, and when there is none.
func Previous(ctx context.Context, c *client.Client, report api.Report) (*comparison, error) {
	if report.Status != api.ReportProcessed || allJudged(report) {
		return nil, nil
	}
	if base := Base(report); base != "" {
		before, err := c.ReportWithSamples(ctx, report.Project.UUID, base)
		switch {
		case err != nil:
			return nil, err
		case before.Status != api.ReportProcessed:
			return nil, fmt.Errorf("the report of the base is %s: %s", before.Status, before.Error)
		}
		after, err := c.ReportWithSamples(ctx, report.Project.UUID, report.UUID)
		if err != nil {
			return nil, err
		}
		return compare(before, after), nil
	}
	if start := report.Branch.Head.StartPoint; start != nil && start.Branch != report.Branch.UUID {
		if c := againstStart(ctx, c, report); c != nil {
			return c, nil
		}
	}
	of := func(branch string, most int) (rows []api.Report, more bool, err error) {
		rows, total, err := c.Reports(ctx, report.Project.UUID, client.ReportQuery{Branch: branch, Testbed: report.Testbed.UUID},
			client.Page{PerPage: most})
		return slices.DeleteFunc(rows, func(row api.Report) bool {
			return row.UUID == report.UUID || row.Status != api.ReportProcessed || row.StartTime.After(report.StartTime) ||
				len(row.Counts.Results) == 0
		}), total > most, err
	}
	rows, more, err := of(report.Branch.UUID, 2) // nearly always the newest but the report itself
	if err == nil && len(rows) == 0 && more {
		rows, _, err = of(report.Branch.UUID, limits.CompareReports)
	}
	if err != nil {
		return nil, err
	}
	start := report.Branch.Head.StartPoint
	if len(rows) == 0 && start != nil && start.Branch != report.Branch.UUID {
		if rows, _, err = of(start.Branch, limits.CompareBase); err != nil {
			return nil, err
		}
		rows = atStart(rows, *start)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	before, err := c.ReportWithSamples(ctx, report.Project.UUID, rows[0].UUID)
	if err != nil {
		return nil, err
	}
	after, err := c.ReportWithSamples(ctx, report.Project.UUID, report.UUID)
	if err != nil {
		return nil, err
	}
	return compare(before, after), nil
}

// againstStart holds a report against the history of where its branch left the one that it came from, in one request. It is nil if the
// server cannot, or if it lacks the reports to judge each row by: then one report of the start says more.
func againstStart(ctx context.Context, c *client.Client, report api.Report) *comparison {
	a, known, err := c.Compare(ctx, report.Project.UUID, client.CompareQuery{Head: "report:" + report.UUID, Testbed: report.Testbed.UUID})
	if err != nil || !known || a.Verdict == api.VerdictNothingJudged || a.Counts[string(api.VerdictLearning)] > 0 || !a.Base.Start {
		return nil
	}
	out := &comparison{what: fmt.Sprintf("%s, where the branch began, by %s at most since the last change of each line", a.Base.Name,
		cli.Counted(len(a.Base.Reports), "report", "reports")), rows: map[seriesKey]judge.Comparison{}}
	for _, row := range a.Rows {
		out.rows[seriesKey{row.BenchmarkUUID, row.MeasureUUID}] = wire.Comparison(row)
	}
	if n := a.Counts[string(api.VerdictSuspicious)]; n > 0 {
		out.notes = append(out.notes, fmt.Sprintf("%d suspicious: not what its history let expect, which is no verdict yet; measure again", n))
	}
	out.notes = append(out.notes, a.Warnings...)
	return out
}

// atStart are the reports of the branch that a new one came from, up to where it left, nearest first, and of one commit those of a clean
// work tree first. What that branch became later is no change of the new one.
func atStart(rows []api.Report, start api.HeadStartPoint) []api.Report {
	number := func(r api.Report) int64 { return r.Branch.Head.Version.Number }
	rows = slices.DeleteFunc(rows, func(r api.Report) bool {
		return r.Branch.Head.UUID != start.Head || r.Branch.Head.Version == nil || number(r) > start.Version.Number
	})
	dirty := func(r api.Report) int {
		if series.Dirty(r.Context) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(rows, func(a, b api.Report) int {
		return cmp.Or(cmp.Compare(number(b), number(a)), cmp.Compare(dirty(a), dirty(b)))
	})
	return rows
}

// Origin says where the branch of a report begins, as main@0123456789ab; empty if it begins with itself.
func Origin(ctx context.Context, c *client.Client, report api.Report) string {
	start := report.Branch.Head.StartPoint
	if start == nil || start.Branch == report.Branch.UUID {
		return ""
	}
	from, err := c.Branch(ctx, report.Project.UUID, start.Branch, "")
	if err != nil { // deleted meanwhile; it is only told
		return ""
	}
	return atCommit(from.Name, &start.Version)
}

// atCommit is a branch at a version, by its commit if that is known.
func atCommit(branch string, v *api.Version) string {
	switch {
	case v == nil:
		return branch
	case v.Hash == nil:
		return fmt.Sprintf("%s version %d", branch, v.Number)
	}
	return branch + "@" + ShortHash(*v.Hash)
}

func allJudged(report api.Report) bool {
	for _, iteration := range report.Results {
		for _, result := range iteration {
			for _, m := range result.Measures {
				if m.Boundary == nil {
					return false
				}
			}
		}
	}
	return true
}

// compare judges the rows of a report that no threshold did, all together, against those of an earlier one. Each iteration of a report is
// one run of the benchmark, and so one process with its samples.
func compare(before, after api.Report) *comparison {
	c := &comparison{what: describeReport(before), rows: map[seriesKey]judge.Comparison{}}
	old, _ := sides(before)
	fresh, order := sides(after)
	var rows []judge.Row
	var keys []seriesKey
	for _, m := range order {
		key := m.key
		if len(old[key]) == 0 || m.judged {
			continue
		}
		rows = append(rows, judge.Row{Benchmark: key.benchmark, Old: old[key], New: fresh[key],
			Measure: unit.Measure{Name: m.measure.Name, Units: m.measure.Units, Direction: unit.Direction(m.measure.Direction),
				Exact: m.measure.Exact}})
		keys = append(keys, key)
	}
	for i, row := range judge.Compare(rows, judge.Policy{}).Rows {
		c.rows[keys[i]] = row
		c.oneEach = c.oneEach || row.Level == judge.ByIteration && !row.Exact && min(row.Units[0], row.Units[1]) > 1
	}
	return c
}

// measuredSeries is a series of a report.
type measuredSeries struct {
	key     seriesKey
	measure api.Measure
	judged  bool
}

// sides are the values of a report by series, and its series in their order.
func sides(report api.Report) (map[seriesKey]judge.Side, []measuredSeries) {
	out := map[seriesKey]judge.Side{}
	var order []measuredSeries
	for i, iteration := range report.Results {
		for _, result := range iteration {
			for _, m := range result.Measures {
				key := seriesKey{result.Benchmark.UUID, m.Measure.UUID}
				if out[key] == nil {
					order = append(order, measuredSeries{key, m.Measure, m.Boundary != nil})
				}
				values := m.Metric.Samples
				if len(values) == 0 {
					values = []float64{m.Metric.Value}
				}
				out[key] = append(out[key], judge.Process{Name: strconv.Itoa(i), Values: values})
			}
		}
	}
	return out, order
}

func describeReport(report api.Report) string {
	return fmt.Sprintf("%s%s, report %s of %s", atCommit(report.Branch.Name, report.Branch.Head.Version), changed(report), report.UUID,
		report.StartTime.UTC().Format("2006-01-02 15:04:05"))
}

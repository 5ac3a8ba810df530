package show

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/series"
)

// comparison is an earlier report to hold a new one against where no threshold does.
type comparison struct {
	what   string // which report it is
	series map[seriesKey]past
}

type seriesKey struct{ benchmark, measure string }

// past are the values of one series in that report.
type past struct {
	n            int
	mean         float64
	lower, upper float64 // where all of them and their own bounds lie
	bounded      bool    // whether there is more than the values alone to tell a spread
}

func (c *comparison) of(benchmark, measure string) (past, bool) {
	p, known := c.series[seriesKey{benchmark, measure}]
	return p, known
}

// overlaps says that the difference is within what both sides say of their own spread. Without a spread on both sides nothing is known,
// and nothing is claimed.
func (p past) overlaps(m api.Metric) bool {
	lower, upper := m.Value, m.Value
	if m.LowerValue != nil {
		lower = math.Min(lower, *m.LowerValue)
	}
	if m.UpperValue != nil {
		upper = math.Max(upper, *m.UpperValue)
	}
	return p.bounded && lower < upper && lower <= p.upper && p.lower <= upper
}

// Previous finds the report to compare with: the newest earlier one with results of the same branch and testbed or, on a new branch, the
// one where that left the branch that it came from. It returns nil when every metric was judged already, and when there is none.
func Previous(ctx context.Context, c *client.Client, report api.Report) (*comparison, error) {
	if report.Status != api.ReportProcessed || allJudged(report) {
		return nil, nil
	}
	of := func(branch string, most int) ([]api.Report, error) {
		rows, _, err := c.Reports(ctx, report.Project.UUID, client.ReportQuery{Branch: branch, Testbed: report.Testbed.UUID},
			client.Page{PerPage: most})
		return slices.DeleteFunc(rows, func(row api.Report) bool {
			return row.UUID == report.UUID || row.Status != api.ReportProcessed || row.StartTime.After(report.StartTime) ||
				len(row.Counts.Results) == 0
		}), err
	}
	rows, err := of(report.Branch.UUID, limits.CompareReports)
	if err != nil {
		return nil, err
	}
	start := report.Branch.Head.StartPoint
	if len(rows) == 0 && start != nil && start.Branch != report.Branch.UUID {
		if rows, err = of(start.Branch, limits.CompareBase); err != nil {
			return nil, err
		}
		rows = atStart(rows, *start)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	whole, err := c.Report(ctx, report.Project.UUID, rows[0].UUID)
	if err != nil {
		return nil, err
	}
	return compare(whole), nil
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

// compare collects a report's values by series, over its iterations.
func compare(report api.Report) *comparison {
	c := &comparison{what: describeReport(report), series: map[seriesKey]past{}}
	for _, iteration := range report.Results {
		for _, result := range iteration {
			for _, m := range result.Measures {
				key := seriesKey{result.Benchmark.UUID, m.Measure.UUID}
				c.series[key] = c.series[key].with(m.Metric)
			}
		}
	}
	return c
}

func (p past) with(m api.Metric) past {
	if p.n == 0 {
		p.lower, p.upper = m.Value, m.Value
	} else if p.lower != m.Value || p.upper != m.Value {
		p.bounded = true
	}
	p.n++
	p.mean += (m.Value - p.mean) / float64(p.n)
	p.lower, p.upper = math.Min(p.lower, m.Value), math.Max(p.upper, m.Value)
	if m.LowerValue != nil {
		p.lower, p.bounded = math.Min(p.lower, *m.LowerValue), true
	}
	if m.UpperValue != nil {
		p.upper, p.bounded = math.Max(p.upper, *m.UpperValue), true
	}
	return p
}

func describeReport(report api.Report) string {
	return fmt.Sprintf("%s%s, report %s of %s", atCommit(report.Branch.Name, report.Branch.Head.Version), changed(report), report.UUID,
		report.StartTime.UTC().Format("2006-01-02 15:04:05"))
}

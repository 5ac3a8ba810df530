package cli

import (
	"context"
	"fmt"
	"math"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
	"github.com/tachograph/tacho/internal/core/limits"
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

// previous finds the newest earlier report with results of the same branch and testbed or, on a new branch, of the branch that it started
// from. It returns nil when every metric was judged already, and when there is none.
func previous(ctx context.Context, c *client.Client, report api.Report) (*comparison, error) {
	if report.Status != api.ReportProcessed || allJudged(report) {
		return nil, nil
	}
	branches := []string{report.Branch.UUID}
	if start := report.Branch.Head.StartPoint; start != nil && start.Branch != report.Branch.UUID {
		branches = append(branches, start.Branch)
	}
	for _, branch := range branches {
		q := client.ReportQuery{Branch: branch, Testbed: report.Testbed.UUID}
		rows, _, err := c.Reports(ctx, report.Project.UUID, q, client.Page{PerPage: limits.CompareReports})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row.UUID == report.UUID || row.Status != api.ReportProcessed || row.StartTime.After(report.StartTime) || len(row.Counts.Results) == 0 {
				continue
			}
			whole, err := c.Report(ctx, report.Project.UUID, row.UUID)
			if err != nil {
				return nil, err
			}
			return compare(whole), nil
		}
	}
	return nil, nil
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
	what := fmt.Sprintf("report %s of %s", report.UUID, report.StartTime.UTC().Format("2006-01-02 15:04:05"))
	if at := report.Branch.Head.Version; at != nil && at.Hash != nil {
		what += ", commit " + shortHash(*at.Hash)
	}
	return what + ", branch " + report.Branch.Name
}

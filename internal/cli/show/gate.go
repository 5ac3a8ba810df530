package show

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/policy"
)

// ErrorOnAlertHelp is the help of --error-on-alert.
const ErrorOnAlertHelp = "end with exit code 3 when there is an alert (not of severity info), and with 11 when nothing could be judged"

// gate is what --error-on-alert makes of a report that is complete: an error for an alert, and for a report of which no value was judged. A
// gate that looked at nothing is not closed, and must not be taken for one that found nothing.
func gate(report api.Report) error {
	if active := activeAlerts(report, func(severity string) bool { return severity != string(policy.Info) }); active > 0 {
		return cli.Fail(fault.ExitAlert, "%s", cli.Counted(active, "alert", "alerts"))
	}
	if why := unjudged(report); why != "" {
		return cli.Fail(fault.ExitNothingJudged, "--error-on-alert: nothing was judged: %s", why)
	}
	return nil
}

// activeAlerts counts those of lines whose severity counts.
func activeAlerts(report api.Report, counts func(severity string) bool) int {
	severity := map[string]string{} // by metric
	for m := range measures(report) {
		severity[m.Metric.UUID] = m.Severity
	}
	n := 0
	for _, a := range report.Alerts {
		if a.Status == api.AlertActive && counts(severity[a.Metric.UUID]) {
			n++
		}
	}
	return n
}

// measures are the values of a report.
func measures(report api.Report) iter.Seq[api.ReportMeasure] {
	return func(yield func(api.ReportMeasure) bool) {
		for _, iteration := range report.Results {
			for _, result := range iteration {
				for _, m := range result.Measures {
					if !yield(m) {
						return
					}
				}
			}
		}
	}
}

// fails is what the project's policy makes of a report that is complete, asked to or not: an error where a line of severity fail has an
// alert, or is worse than what it is compared with.
func fails(report api.Report, before *comparison) error {
	is := func(severity string) bool { return severity == string(policy.Fail) }
	if active := activeAlerts(report, is); active > 0 {
		return cli.Fail(fault.ExitAlert, "%s of lines for which the project's policy says severity: fail", cli.Counted(active, "alert", "alerts"))
	}
	if before == nil {
		return nil
	}
	var worse []string
	seen := map[[2]string]bool{} // the comparison is of all iterations together, and one may lack a benchmark
	for _, iteration := range report.Results {
		for _, result := range iteration {
			for _, m := range result.Measures {
				key := [2]string{result.Benchmark.UUID, m.Measure.UUID}
				c, known := before.of(key[0], key[1])
				if seen[key] || !known || m.Boundary != nil || !is(m.Severity) || c.Verdict != judge.Worse || onlyOfTheseTwo(c) {
					continue
				}
				seen[key] = true
				worse = append(worse, result.Benchmark.Name+" "+m.Measure.Name)
			}
		}
	}
	if len(worse) == 0 {
		return nil
	}
	return cli.Fail(fault.ExitAlert, "worse, and the project's policy says severity: fail: %s", list(worse))
}

// mayFail says whether fails has to know what the report is compared with.
func mayFail(report api.Report) bool {
	for m := range measures(report) {
		if m.Severity == string(policy.Fail) && m.Boundary == nil {
			return true
		}
	}
	return false
}

// unjudged says why no value of the report has a limit, and what to do; empty if one has.
func unjudged(report api.Report) string {
	var names []string
	var waiting *api.Threshold // one that had too few values
	for _, iteration := range report.Results {
		for _, result := range iteration {
			for _, m := range result.Measures {
				if b := m.Boundary; b != nil && (b.LowerLimit != nil || b.UpperLimit != nil) {
					return ""
				}
				if m.Threshold != nil {
					waiting = m.Threshold
				}
				if !slices.Contains(names, m.Measure.Name) {
					names = append(names, m.Measure.Name)
				}
			}
		}
	}
	where := fmt.Sprintf("branch %s on testbed %s", report.Branch.Name, report.Testbed.Name)
	switch {
	case len(names) == 0:
		return "the report has no values"
	case waiting != nil:
		return fmt.Sprintf("%s has too few earlier values for its threshold (%s); run it until there are enough, "+
			"or begin the branch with the history of another (--start-point)", where, Model(waiting.Model))
	}
	slices.Sort(names)
	return fmt.Sprintf("%s has no threshold for %s; set one with the --threshold-… flags or 'tacho threshold create %s', "+
		"or begin the branch from one that has (--start-point)", where, list(names), report.Project.Slug)
}

// list joins names, the first few of many.
func list(names []string) string {
	const most = 3
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// onlyOfTheseTwo reports whether a row says no more than that two processes differ: by how much two of one program do is not in it.
func onlyOfTheseTwo(c judge.Comparison) bool {
	return slices.Contains(c.Notes, judge.NoteBetweenUnknown)
}

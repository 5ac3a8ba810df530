package show

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/core/fault"
)

// ErrorOnAlertHelp is the help of --error-on-alert.
const ErrorOnAlertHelp = "end with exit code 3 when there is an alert, and with 11 when nothing could be judged"

// gate is what --error-on-alert makes of a report that is complete: an error for an alert, and for a report of which no value was judged. A
// gate that looked at nothing is not closed, and must not be taken for one that found nothing.
func gate(report api.Report) error {
	if active := activeAlerts(report); active > 0 {
		return cli.Fail(fault.ExitAlert, "%s", cli.Counted(active, "alert", "alerts"))
	}
	if why := unjudged(report); why != "" {
		return cli.Fail(fault.ExitNothingJudged, "--error-on-alert: nothing was judged: %s", why)
	}
	return nil
}

func activeAlerts(report api.Report) int {
	n := 0
	for _, a := range report.Alerts {
		if a.Status == api.AlertActive {
			n++
		}
	}
	return n
}

// unjudged says why no value of the report has a limit, and what to do; empty if one has.
func unjudged(report api.Report) string {
	var measures []string
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
				if !slices.Contains(measures, m.Measure.Name) {
					measures = append(measures, m.Measure.Name)
				}
			}
		}
	}
	where := fmt.Sprintf("branch %s on testbed %s", report.Branch.Name, report.Testbed.Name)
	switch {
	case len(measures) == 0:
		return "the report has no values"
	case waiting != nil:
		return fmt.Sprintf("%s has too few earlier values for its threshold (%s); run it until there are enough, "+
			"or begin the branch with the history of another (--start-point)", where, Model(waiting.Model))
	}
	slices.Sort(measures)
	return fmt.Sprintf("%s has no threshold for %s; set one with the --threshold-… flags or 'tacho threshold create %s', "+
		"or begin the branch from one that has (--start-point)", where, list(measures), report.Project.Slug)
}

// list joins names, the first few of many.
func list(names []string) string {
	const most = 3
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

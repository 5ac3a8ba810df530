package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	coreevent "github.com/tachograph/tacho/internal/core/event"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// checking is the form by which somebody has an event checked by a rerun.
type checking struct {
	Action, Back, Version string
	Pairs, Least, Most    int
}

// checkForm is nil for who may not, and for events that no rerun can check. Whether it can is asked again when it is asked for.
func checkForm(r *http.Request, project api.Project, e api.Event) *checking {
	_, refused := coreevent.Next("", coreevent.State(e.State), coreevent.Check)
	running := slices.ContainsFunc(e.Checks, func(c api.EventCheck) bool { return c.Outcome == api.CheckRunning })
	byJobs := len(e.Changes) > 0 && e.Changes[0].Spec != ""
	if e.Kind != api.CodeEvent || e.Gone || refused != nil || running || !byJobs || access.Authorize(reader(r), access.EditProject,
		access.Resource{ProjectID: project.UUID, OrganizationID: project.Organization, Name: project.Slug}) != nil {
		return nil
	}
	return &checking{Action: eventHref(project, e.UUID) + "/check", Back: with(r), Version: strconv.FormatInt(e.Version, 10),
		Pairs: limits.CheckPairs, Least: limits.CheckPairsLeast, Most: limits.JobsPerReport}
}

// askedCheck reads the form.
func askedCheck(r *http.Request) (in api.NewEventCheck, err error) {
	if in.Version, err = seenVersion(r.PostFormValue("version")); err != nil {
		return in, err
	}
	if text := r.PostFormValue("pairs"); text != "" {
		if in.Pairs, err = strconv.Atoi(text); err != nil || in.Pairs < 1 {
			return in, fault.Invalidf("pairs %.20q: want a number from %d to %d", text, limits.CheckPairsLeast, limits.JobsPerReport)
		}
	}
	return in, nil
}

// checkView is a rerun that checks, or has checked, an event.
type checkView struct {
	Outcome               pill
	When                  moment
	Sentence              string
	BeforeHref, AfterHref string // of its reports
	Before, After         string // versions
	Lines                 []checkLine
	Shown                 string // how many of the lines, where not all
}

type checkLine struct {
	Benchmark, Measure, Before, After, Effect, Interval, Suspected, N, Detectable string
	Outcome                                                                       pill
}

// linesShown is how many lines of a check a page shows.
const linesShown = 20

func (p *Pages) checkViews(project api.Project, e api.Event) (out []checkView) {
	for _, c := range e.Checks {
		v := checkView{Outcome: outcomePill(c.Outcome), When: p.when(c.Created), Sentence: c.Sentence, Before: versionText(&c.Before.Version),
			After: versionText(&c.After.Version), BeforeHref: reportHref(project, c.Before.Report),
			AfterHref: reportHref(project, c.After.Report)}
		if c.Ended == nil {
			v.Sentence = fmt.Sprintf("%d pairs of jobs are on their way, of %s.", c.Pairs, plural(len(c.Lines), "series", "series"))
		} else if c.Outcome != api.CheckFailed {
			for _, l := range c.Lines[:min(len(c.Lines), linesShown)] {
				v.Lines = append(v.Lines, checkLineOf(l))
			}
			if len(c.Lines) > linesShown {
				v.Shown = fmt.Sprintf("the largest %d of %d; the API has more", linesShown, len(c.Lines))
			}
		}
		out = append(out, v)
	}
	return out
}

func checkLineOf(l api.EventCheckLine) checkLine {
	row := checkLine{Benchmark: l.Benchmark.Name, Measure: l.Measure.Name, Outcome: outcomePill(l.Outcome), N: strconv.Itoa(l.Pairs),
		Effect: shareText(l.Effect), Suspected: shareText(l.Suspected), Detectable: "–"}
	if l.Before != nil && l.After != nil {
		row.Before, row.After = unit.Format(*l.Before, l.Units), unit.Format(*l.After, l.Units)
	}
	switch {
	case l.Lower != nil && l.Upper != nil:
		row.Interval = shareText(l.Lower) + " … " + shareText(l.Upper)
	case l.Exact:
		row.Interval, row.Detectable = "exact", "any"
	}
	if l.Detectable != nil {
		row.Detectable = judge.Percent(*l.Detectable)
	}
	return row
}

// shareText is an effect that may be absent.
func shareText(part *float64) string {
	if part == nil {
		return "–"
	}
	return signed(*part, "log", "")
}

func outcomePill(o api.CheckOutcome) pill {
	switch o {
	case api.CheckConfirmed:
		return pill{string(o), "bad"}
	case api.CheckRefuted:
		return pill{string(o), "good"}
	}
	return pill{string(o), "warn"}
}

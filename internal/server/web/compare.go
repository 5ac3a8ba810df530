package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/store"
)

// CompareSource is what the page of comparisons asks.
type CompareSource interface {
	Compare(ctx context.Context, actor access.Actor, project string, q explore.CompareQuery) (api.Comparison, error)
}

// Compare is described in CompareSource.
func (s Services) Compare(ctx context.Context, actor access.Actor, project string, q explore.CompareQuery) (api.Comparison, error) {
	return s.Explore.Compare(ctx, actor, project, q)
}

// rowsOfGroup is how many rows each table of a comparison shows. More is for programs, which ask the API.
const rowsOfGroup = 300

func compareHref(project api.Project, base, head string) string {
	return "/projects/" + url.PathEscape(project.Slug) + "/compare?" + query("base", base, "head", head).Encode()
}

type compareView struct {
	Base, Head, Testbed string // as they were asked for
	Branches            []string
	Problem             string
	Verdict             pill // Tone is the note's
	Sides               []sideView
	How                 string
	Warnings, LeftOut   []string
	Groups              []compareGroup
	Means               []meanRow
	Lists               []compareList
}

// sideView says what a side was.
type sideView struct {
	Title, Name string
	Facts       []fact
	Reports     []link
}

type compareGroup struct {
	Title, Note string
	Folded      bool
	Rows        []compareRow
}

type compareRow struct {
	Benchmark, Measure, PlotHref, Old, New, Change, ChangeClass, Interval, P, N, Detectable, Grade, Reason string
	Verdict                                                                                                pill
}

type meanRow struct{ Measure, Ratio, Interval, Benchmarks string }

type compareList struct {
	Title string
	Names []string
}

// compare is the page on two branches, commits or reports: the verdict, what was compared, what changed, what is not known, the rest.
func (p *Pages) compare(r *http.Request) (page, error) {
	project, err := p.loadProject(r)
	if err != nil {
		return page{}, err
	}
	q := r.URL.Query()
	view := compareView{Base: q.Get("base"), Head: q.Get("head"), Testbed: q.Get("testbed")}
	if view.Head != "" {
		c, err := p.cfg.Source.Compare(r.Context(), reader(r), project.UUID, explore.CompareQuery{Base: view.Base, Head: view.Head,
			Testbed: view.Testbed})
		switch {
		case fault.Is(err, fault.Invalid) || fault.Is(err, fault.Missing): // say so, and keep the form usable
			view.Problem = fault.Message(err)
		case err != nil:
			return page{}, err
		default:
			p.fillComparison(project, c, &view)
		}
	}
	branches, _, err := p.cfg.Source.Things(r.Context(), reader(r), project.UUID, Branches, store.ListFilter{Page: store.Page{
		Limit: optionsPerChooser}})
	if err != nil {
		return page{}, err
	}
	view.Branches = store.Map(branches, func(t Thing) string { return t.Name })
	return page{template: "compare", title: "Compare", section: "projects", crumbs: projectCrumbs(project),
		tabs: projectTabs(project.Slug, "Compare"), view: view}, nil
}

func (p *Pages) fillComparison(project api.Project, c api.Comparison, view *compareView) {
	view.Verdict = comparisonVerdict(c)
	view.Sides = []sideView{p.sideOf(project, "Base", c.Base), p.sideOf(project, "Head", c.Head)}
	view.How = comparisonHow(c)
	view.Warnings = c.Warnings
	for _, g := range c.LeftOut {
		view.LeftOut = append(view.LeftOut, gapText(g))
	}
	changed := compareGroup{Title: "What changed", Note: "The surest first."}
	undecided := compareGroup{Title: "Undecided", Note: "Neither a change nor surely the same. The last column is the change that would " +
		"have been found in four of five cases."}
	rest := compareGroup{Title: "The rest", Folded: true}
	counts := map[*compareGroup]int{}
	for _, row := range c.Rows {
		into := &rest
		switch row.Verdict {
		case api.VerdictWorse, api.VerdictBetter, api.VerdictDifferent, api.VerdictSuspicious:
			into = &changed
		case api.VerdictUndecided:
			into = &undecided
		}
		if counts[into]++; len(into.Rows) < rowsOfGroup {
			into.Rows = append(into.Rows, compareRowOf(project, c, row))
		}
	}
	for _, g := range []*compareGroup{&changed, &undecided, &rest} {
		if n := counts[g]; n > 0 {
			g.Title = fmt.Sprintf("%s (%d)", g.Title, n)
			if n > len(g.Rows) {
				g.Note = strings.TrimSpace(g.Note + fmt.Sprintf(" Showing the first %d; the API has all.", len(g.Rows)))
			}
			view.Groups = append(view.Groups, *g)
		}
	}
	for _, m := range c.Geomeans {
		row := meanRow{Measure: m.Measure, Ratio: "–", Interval: "–", Benchmarks: strconv.Itoa(m.Benchmarks)}
		if m.Ratio != nil {
			row.Ratio = signed(*m.Ratio-1, "", "")
		}
		if m.Interval != nil {
			row.Interval = ratios(*m.Interval)
		}
		view.Means = append(view.Means, row)
	}
	for _, l := range []compareList{{"Only in the base", c.OnlyBase}, {"Only in the head", c.OnlyHead}} {
		if len(l.Names) > 0 {
			l.Title += fmt.Sprintf(" (%d)", len(l.Names))
			view.Lists = append(view.Lists, l)
		}
	}
}

// comparisonVerdict is the one sentence that a reader wants first.
func comparisonVerdict(c api.Comparison) pill {
	n := len(c.Rows)
	of := func(v api.ComparisonVerdict) int { return c.Counts[string(v)] }
	limit := judge.Percent(c.Policy.Effect)
	var more []string
	for _, v := range []struct {
		verdict api.ComparisonVerdict
		text    string
	}{{api.VerdictBetter, "better"}, {api.VerdictDifferent, "different"}, {api.VerdictSuspicious, "suspicious"},
		{api.VerdictUndecided, "undecided"}, {api.VerdictLearning, "still learning"}} {
		if k := of(v.verdict); k > 0 && v.verdict != c.Verdict {
			more = append(more, fmt.Sprintf("%d %s", k, v.text))
		}
	}
	rest := ""
	if len(more) > 0 {
		rest = "; " + strings.Join(more, ", ")
	}
	switch c.Verdict {
	case api.VerdictWorse:
		return pill{fmt.Sprintf("Worse: %d of %s%s.", of(c.Verdict), plural(n, "row", "rows"), rest), "bad"}
	case api.VerdictBetter:
		return pill{fmt.Sprintf("Better: %d of %s%s.", of(c.Verdict), plural(n, "row", "rows"), rest), "good"}
	case api.VerdictDifferent:
		return pill{fmt.Sprintf("Different: %d of %s%s.", of(c.Verdict), plural(n, "row", "rows"), rest), "warn"}
	case api.VerdictSame:
		return pill{fmt.Sprintf("The same: %d of %s are surely within %s%s.", of(c.Verdict), plural(n, "row", "rows"), limit, rest), "good"}
	case api.VerdictUndecided:
		return pill{fmt.Sprintf("Undecided: no row is shown to be worse, and %d of %s may hide a change of more than %s%s.", of(c.Verdict),
			plural(n, "row", "rows"), limit, rest), "warn"}
	}
	return pill{"Nothing was judged: " + strings.TrimSuffix(c.Reason, ".") + ".", "warn"}
}

// comparisonHow says how it was compared, and with what certainty.
func comparisonHow(c api.Comparison) string {
	text := "Compared by what was measured on both sides"
	if c.Method == api.MethodHistory {
		text = "The head is held against the reports of the base since the last change of each line"
	}
	if c.Testbed != nil {
		text += ", on testbed " + c.Testbed.Name
	}
	if c.Tests > 0 {
		text += fmt.Sprintf("; %s, of whose claims %s may be false", plural(c.Tests, "row was tested", "rows were tested"),
			judge.Percent(c.Policy.Alpha))
	}
	return text + "."
}

func (p *Pages) sideOf(project api.Project, title string, s api.ComparedSide) sideView {
	made := sideView{Title: title, Name: s.Name}
	add := func(name, value string) { made.Facts = append(made.Facts, fact{name, value}) }
	if s.Branch != nil {
		add("Branch", s.Branch.Name)
	}
	switch {
	case s.Newest == nil:
		add("Results", "none")
	case s.Oldest == nil || s.Oldest.Number == s.Newest.Number:
		add("Version", versionText(s.Newest))
	default:
		add("Versions", versionText(s.Oldest)+" … "+versionText(s.Newest))
	}
	if c := s.Commit; c != nil && c.Subject != "" {
		add("Commit", c.Subject)
	}
	if c := s.Commit; c != nil && c.Author != "" {
		add("Author", c.Author)
	}
	var hosts []string
	dirty := 0
	for _, r := range s.Reports {
		if r.Host != "" && !slices.Contains(hosts, r.Host) {
			hosts = append(hosts, r.Host)
		}
		if r.Dirty {
			dirty++
		}
	}
	add("Reports", strconv.Itoa(len(s.Reports)))
	if len(hosts) > 0 {
		add("Hosts", strings.Join(hosts[:min(len(hosts), 5)], ", ")+map[bool]string{true: ", …"}[len(hosts) > 5])
	}
	if dirty > 0 {
		add("Uncommitted changes", plural(dirty, "report", "reports"))
	}
	for _, r := range s.Reports[:min(len(s.Reports), 5)] {
		made.Reports = append(made.Reports, link{Href: reportHref(project, r.UUID), Text: versionText(&r.Version)})
	}
	return made
}

func gapText(g api.ComparisonGap) string {
	why := map[string]string{"testbed": "another testbed", "spec": "another hardware spec", "host": "another kind of host",
		"dirty": "uncommitted changes", "marked": "a mark as bad", "limit": "the limit of what is read at once"}[g.Reason]
	if why == "" {
		why = g.Reason
	}
	if g.Name != "" {
		why += " (" + g.Name + ")"
	}
	return fmt.Sprintf("of the %s: %s, because of %s", g.Side, plural(g.Reports, "report", "reports"), why)
}

func verdictPill(v api.ComparisonVerdict) pill {
	switch v {
	case api.VerdictWorse:
		return pill{string(v), "bad"}
	case api.VerdictBetter, api.VerdictSame:
		return pill{string(v), "good"}
	case api.VerdictDifferent, api.VerdictSuspicious, api.VerdictUndecided:
		return pill{string(v), "warn"}
	}
	return pill{string(v), ""}
}

// ratios writes an interval of ratios as one of changes.
func ratios(v [2]float64) string { return signed(v[0]-1, "", "") + " … " + signed(v[1]-1, "", "") }

// compareRowOf writes a row. A number is shown as a change only if the verdict says that it is one.
func compareRowOf(project api.Project, c api.Comparison, in api.ComparisonRow) compareRow {
	row := compareRow{Benchmark: in.Benchmark, Measure: in.Measure, Old: valueOf(in.Old, in.Units), New: valueOf(in.New, in.Units),
		Change: "~", P: "–", Detectable: "–", Reason: in.Reason, Verdict: verdictPill(in.Verdict),
		N: fmt.Sprintf("%d v %d %s", in.N[0], in.N[1], unitNoun(in.Unit, in.N))}
	switch in.Verdict {
	case api.VerdictWorse, api.VerdictBetter, api.VerdictDifferent, api.VerdictSuspicious:
		row.ChangeClass = map[api.ComparisonVerdict]string{api.VerdictWorse: "up", api.VerdictBetter: "down"}[in.Verdict]
		switch {
		case in.Ratio != nil:
			row.Change = signed(*in.Ratio-1, "", "")
		case in.Difference != nil:
			row.Change = signed(*in.Difference, rawScale, in.Units)
		}
	}
	if in.Interval != nil {
		row.Interval = ratios(*in.Interval)
	}
	if in.Exact {
		row.Interval, row.Detectable = "exact", "any"
	} else if in.Detectable != nil {
		row.Detectable = map[bool]string{true: "≥ "}[in.AtLeast] + judge.Percent(*in.Detectable)
	}
	row.Grade = gradeText(in.Grade, in.Identical)
	if v := in.P; v != nil {
		row.P = probabilityText(api.EventChange{P: *v})
	}
	if c.Head.Branch != nil && c.Testbed != nil && in.BenchmarkUUID != "" && in.MeasureUUID != "" {
		row.PlotHref = plotHref(project, api.Branch{UUID: c.Head.Branch.UUID}, *c.Testbed, api.Benchmark{UUID: in.BenchmarkUUID},
			api.Measure{UUID: in.MeasureUUID})
	}
	return row
}

func unitNoun(unit string, n [2]int) string {
	switch {
	case n == [2]int{1, 1}:
		return unit
	case unit == "process":
		return "processes"
	}
	return unit + "s"
}

package web

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/plot"
	"github.com/tachograph/tacho/internal/server/store"
)

// seriesPerChart is how many lines one plot shows: as many as the style sheet has colours and dashes.
const seriesPerChart = 10

// resultsLookedAt are the first results of a report among which the benchmarks of a plot are looked for.
const resultsLookedAt = 10 * seriesPerChart

// optionsPerChooser is how many branches, testbeds, … the form lists; a search narrows the benchmarks.
const optionsPerChooser = 255

// selection is what a plot shows: UUIDs or slugs of each dimension.
type selection struct{ branches, testbeds, benchmarks, measures []string }

func (s selection) complete() bool {
	return len(s.branches) > 0 && len(s.testbeds) > 0 && len(s.benchmarks) > 0 && len(s.measures) > 0
}

func plotHref(project api.Project, branch api.Branch, testbed api.Testbed, benchmark api.Benchmark, measure api.Measure) string {
	q := query("branch", branch.UUID, "testbed", testbed.UUID, "benchmark", benchmark.UUID, "measure", measure.UUID)
	return "/projects/" + url.PathEscape(project.Slug) + "/perf?" + q.Encode()
}

// perfOf asks for the points of a selection; columns as the API has them, 0 for all points.
func (p *Pages) perfOf(r *http.Request, project api.Project, s selection, columns int) (api.Perf, error) {
	if !s.complete() {
		return api.Perf{}, nil
	}
	return p.cfg.Source.Perf(r.Context(), reader(r), project.UUID, explore.PerfQuery{
		Branches: s.branches, Testbeds: s.testbeds, Benchmarks: s.benchmarks, Measures: s.measures, Columns: columns})
}

// defaultSelection is what the newest processed report measured: its branch and testbed, its first measure, its first benchmarks.
func (p *Pages) defaultSelection(r *http.Request, project api.Project, reports []api.Report) (selection, error) {
	at := slices.IndexFunc(reports, func(r api.Report) bool { return r.Status == api.ReportProcessed })
	if at < 0 {
		return selection{}, nil
	}
	report, err := p.cfg.Source.Report(r.Context(), reader(r), project.UUID, reports[at].UUID, resultsLookedAt)
	if err != nil {
		return selection{}, err
	}
	s := selection{branches: []string{report.Branch.UUID}, testbeds: []string{report.Testbed.UUID}}
	if len(report.Results) == 0 {
		return s, nil
	}
	for _, result := range report.Results[0] { // further iterations measure the same
		for _, m := range result.Measures {
			if len(s.measures) == 0 {
				s.measures = []string{m.Measure.UUID}
			}
			if m.Measure.UUID == s.measures[0] && len(s.benchmarks) < seriesPerChart {
				s.benchmarks = append(s.benchmarks, result.Benchmark.UUID)
			}
		}
	}
	return s, nil
}

type chart struct {
	Title, Note string
	SVG         template.HTML
	Legend      []legendRow
}

type legendRow struct{ Class, Name string }

type drawOptions struct {
	boundaries, log, time bool
	from, to              *float64
}

// drawCharts draws one plot for each measure.
func drawCharts(project api.Project, perf api.Perf, opts drawOptions) []chart {
	var out []chart
	byMeasure := map[string][]api.PerfSeries{}
	var order []string
	for _, s := range perf.Results {
		if len(s.Metrics) == 0 {
			continue
		}
		if byMeasure[s.Measure.UUID] == nil {
			order = append(order, s.Measure.UUID)
		}
		byMeasure[s.Measure.UUID] = append(byMeasure[s.Measure.UUID], s)
	}
	for _, id := range order {
		out = append(out, drawChart(project, byMeasure[id], opts))
	}
	return out
}

func drawChart(project api.Project, series []api.PerfSeries, opts drawOptions) chart {
	measure := series[0].Measure
	made := chart{Title: measure.Name}
	if len(series) > seriesPerChart {
		made.Note = fmt.Sprintf("showing %d of %d lines; choose fewer to see the others", seriesPerChart, len(series))
		series = series[:seriesPerChart]
	}
	several := func(of func(api.PerfSeries) string) bool {
		return slices.ContainsFunc(series, func(s api.PerfSeries) bool { return of(s) != of(series[0]) })
	}
	branches := several(func(s api.PerfSeries) string { return s.Branch.UUID })
	testbeds := several(func(s api.PerfSeries) string { return s.Testbed.UUID })
	drawing := plot.Plot{
		Title: measure.Name + " over versions", Time: opts.time, LogY: opts.log, From: opts.from, To: opts.to, Boundaries: opts.boundaries &&
			len(series) <= 3,
		FormatY: func(v float64) string { return unit.Format(v, measure.Units) },
	}
	if opts.time {
		drawing.Title = measure.Name + " over time"
	}
	for i, s := range series {
		name := s.Benchmark.Name
		if branches {
			name += " · " + s.Branch.Name
		}
		if testbeds {
			name += " · " + s.Testbed.Name
		}
		made.Legend = append(made.Legend, legendRow{"s" + strconv.Itoa(i), name})
		drawing.Series = append(drawing.Series, plot.Series{Name: name, Points: pointsOf(project, s, name, opts.time)})
	}
	if opts.boundaries && len(series) > 3 && made.Note == "" {
		made.Note = "boundaries are drawn for up to three lines"
	}
	made.SVG = template.HTML(drawing.SVG()) //nolint:gosec // package plot escapes all text in it
	return made
}

func pointsOf(project api.Project, s api.PerfSeries, name string, byTime bool) []plot.Point {
	out := make([]plot.Point, 0, len(s.Metrics))
	for _, m := range s.Metrics {
		q := plot.Point{X: float64(m.Version.Number), Y: m.Metric.Value, Href: reportHref(project, m.Report)}
		if byTime {
			q.X = float64(m.StartTime.UnixMilli())
		}
		if m.Boundary != nil {
			q.Lower, q.Upper = m.Boundary.LowerLimit, m.Boundary.UpperLimit
		}
		if m.Alert != nil {
			q.Alert = string(m.Alert.Status)
		}
		version := m.Version
		q.Label = fmt.Sprintf("%s\n%s\n%s, %s", name, unit.Format(m.Metric.Value, s.Measure.Units), versionText(&version),
			m.StartTime.UTC().Format("2 Jan 2006 15:04"))
		out = append(out, q)
	}
	if byTime {
		slices.SortStableFunc(out, func(a, b plot.Point) int { return int(a.X - b.X) })
	}
	return out
}

type perfView struct {
	Notes                       []string
	Charts                      []chart
	Empty                       string
	Choosers                    []chooser
	Search, From, To, WholeHref string
	Time, Log, NoLimits         bool
	Table                       []tableRow
}

type chooser struct {
	Title, Name, More string
	Options           []option
}

type option struct {
	Value, Text string
	Checked     bool
}

type tableRow struct{ Benchmark, Branch, Testbed, Measure, Points, Newest, Lowest, Highest string }

func (p *Pages) perf(r *http.Request) (page, error) {
	project, err := p.loadProject(r)
	if err != nil {
		return page{}, err
	}
	q := r.URL.Query()
	view := perfView{
		Search: q.Get("search"), From: q.Get("from"), To: q.Get("to"), Time: q.Get("x") == "time", Log: q.Get("log") == "1",
		NoLimits: q.Get("limits") == "0",
		Empty:    "There are no points for this choice. Tick at least one branch, testbed, benchmark and measure below, then draw.",
	}
	opts := drawOptions{boundaries: !view.NoLimits, log: view.Log, time: view.Time}
	if opts.from, err = rangeEnd(view.From); err != nil {
		return page{}, err
	}
	if opts.to, err = rangeEnd(view.To); err != nil {
		return page{}, err
	}
	if view.From != "" || view.To != "" {
		view.WholeHref = with(r, "from", "", "to", "")
	}
	chosen := selection{branches: q["branch"], testbeds: q["testbed"], benchmarks: q["benchmark"], measures: q["measure"]}
	if !chosen.complete() {
		reports, _, err := p.cfg.Source.Reports(r.Context(), reader(r), project.UUID, newest(10))
		if err != nil {
			return page{}, err
		}
		standard, err := p.defaultSelection(r, project, reports)
		if err != nil {
			return page{}, err
		}
		chosen = chosen.or(standard)
	}
	perf, err := p.perfOf(r, project, chosen, 0)
	if fault.Is(err, fault.Invalid) { // too many permutations: say so, and keep the form usable
		view.Notes = append(view.Notes, fault.Message(err))
	} else if err != nil {
		return page{}, err
	}
	view.Charts = drawCharts(project, perf, opts)
	view.Table = tableOf(perf)
	if view.Choosers, err = p.choosers(r, project, chosen, perf, view.Search); err != nil {
		return page{}, err
	}
	return page{
		template: "perf", title: "Plots", section: "projects", crumbs: projectCrumbs(project), tabs: projectTabs(project.Slug, "Plots"),
		scripts: []string{"plot.js"}, view: view,
	}, nil
}

func (s selection) or(other selection) selection {
	pick := func(a, b []string) []string {
		if len(a) > 0 {
			return a
		}
		return b
	}
	return selection{pick(s.branches, other.branches), pick(s.testbeds, other.testbeds), pick(s.benchmarks, other.benchmarks),
		pick(s.measures, other.measures)}
}

func rangeEnd(text string) (*float64, error) {
	if text == "" {
		return nil, nil
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, fault.Invalidf("the range's end %q is not a whole number (a version, or milliseconds since 1970)", text)
	}
	f := float64(v)
	return &f, nil
}

// choosers lists what can be ticked. What is shown now is always among it, whatever the search says.
func (p *Pages) choosers(r *http.Request, project api.Project, chosen selection, perf api.Perf, search string) ([]chooser, error) {
	type row = Thing
	list := func(title, name string, what Things, search string, ticked []string, shown func(api.PerfSeries) row) (chooser, error) {
		rows, total, err := p.cfg.Source.Things(r.Context(), reader(r), project.UUID, what, store.ListFilter{Search: search,
			Page: store.Page{Limit: optionsPerChooser}})
		if err != nil {
			return chooser{}, err
		}
		made := chooser{Title: title, Name: name}
		if total > len(rows) {
			made.More = fmt.Sprintf("(%d of %d; search)", len(rows), total)
		}
		for _, s := range perf.Results {
			if one := shown(s); !slices.Contains(rows, one) {
				rows = append(rows, one)
			}
		}
		for _, one := range rows {
			checked := slices.Contains(ticked, one.UUID) || slices.ContainsFunc(perf.Results, func(s api.PerfSeries) bool { return shown(s) == one })
			made.Options = append(made.Options, option{one.UUID, one.Name, checked})
		}
		slices.SortStableFunc(made.Options, func(a, b option) int { // ticked ones first
			switch {
			case a.Checked == b.Checked:
				return 0
			case a.Checked:
				return -1
			}
			return 1
		})
		return made, nil
	}
	var out []chooser
	for _, c := range []struct {
		title, name string
		what        Things
		search      string
		ticked      []string
		shown       func(api.PerfSeries) row
	}{
		{"Benchmarks", "benchmark", Benchmarks, search, chosen.benchmarks, func(s api.PerfSeries) row {
			return row{s.Benchmark.UUID,
				s.Benchmark.Name}
		}},
		{"Branches", "branch", Branches, "", chosen.branches, func(s api.PerfSeries) row { return row{s.Branch.UUID, s.Branch.Name} }},
		{"Testbeds", "testbed", Testbeds, "", chosen.testbeds, func(s api.PerfSeries) row { return row{s.Testbed.UUID, s.Testbed.Name} }},
		{"Measures", "measure", Measures, "", chosen.measures, func(s api.PerfSeries) row { return row{s.Measure.UUID, s.Measure.Name} }},
	} {
		made, err := list(c.title, c.name, c.what, c.search, c.ticked, c.shown)
		if err != nil {
			return nil, err
		}
		out = append(out, made)
	}
	return out, nil
}

func tableOf(perf api.Perf) []tableRow {
	var out []tableRow
	for _, s := range perf.Results {
		if len(s.Metrics) == 0 {
			continue
		}
		least, most := s.Metrics[0].Metric.Value, s.Metrics[0].Metric.Value
		for _, m := range s.Metrics {
			least, most = min(least, m.Metric.Value), max(most, m.Metric.Value)
		}
		units := s.Measure.Units
		out = append(out, tableRow{
			Benchmark: s.Benchmark.Name, Branch: s.Branch.Name, Testbed: s.Testbed.Name, Measure: s.Measure.Name,
			Points: strconv.Itoa(len(s.Metrics)),
			Newest: unit.Format(s.Metrics[len(s.Metrics)-1].Metric.Value, units), Lowest: unit.Format(least, units),
			Highest: unit.Format(most, units),
		})
	}
	return out
}

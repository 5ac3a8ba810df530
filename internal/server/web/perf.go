package web

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/unit"
	"github.com/tachograph/tacho/internal/server/chart"
	"github.com/tachograph/tacho/internal/server/event"
	"github.com/tachograph/tacho/internal/server/explore"
	"github.com/tachograph/tacho/internal/server/store"
)

// seriesPerChart is how many lines one plot shows: as many as the style sheet has colours and dashes.
const seriesPerChart = 10

// resultsLookedAt are the first results of a report among which the benchmarks of a plot are looked for.
const resultsLookedAt = 10 * seriesPerChart

// optionsPerChooser is how many branches, testbeds, … the form lists; a search narrows the benchmarks.
const optionsPerChooser = 255

// selection is what a plot shows: UUIDs or slugs of each dimension.
type selection struct {
	branches, testbeds, benchmarks, measures []string
	measureShown                             api.Measure // the first of a default selection
}

func (s selection) complete() bool {
	return len(s.branches) > 0 && len(s.testbeds) > 0 && len(s.benchmarks) > 0 && len(s.measures) > 0
}

func plotHref(project api.Project, branch api.Branch, testbed api.Testbed, benchmark api.Benchmark, measure api.Measure) string {
	q := query("branch", branch.UUID, "testbed", testbed.UUID, "benchmark", benchmark.UUID, "measure", measure.UUID)
	return "/projects/" + url.PathEscape(project.Slug) + "/perf?" + q.Encode()
}

// boundedLines is how many lines a plot may have that shows their boundaries.
const boundedLines = 3

// pictureOf asks for what can be seen of a selection on so many columns.
func (p *Pages) pictureOf(r *http.Request, project api.Project, s selection, opts drawOptions, columns int) (explore.Picture, error) {
	if !s.complete() {
		return explore.Picture{}, nil
	}
	q := explore.PictureQuery{PerfQuery: explore.PerfQuery{
		Branches: s.branches, Testbeds: s.testbeds, Benchmarks: s.benchmarks, Measures: s.measures, From: opts.since, Columns: columns},
		ByTime: opts.time, Visible: [2]*float64{opts.from, opts.to}, Lines: seriesPerChart, Dots: chart.DotsAtMost}
	if opts.boundaries {
		q.Boundaries = boundedLines
	}
	if opts.spread {
		q.Spreads = boundedLines
	}
	return p.cfg.Source.Picture(r.Context(), reader(r), project.UUID, q)
}

// defaultSelection is what the newest processed report measured: its branch and testbed, its first measure, its first benchmarks.
func (p *Pages) defaultSelection(r *http.Request, project api.Project, reports []api.Report) (selection, error) {
	at := standardReport(reports)
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
				s.measures, s.measureShown = []string{m.Measure.UUID}, m.Measure
			}
			if m.Measure.UUID == s.measures[0] && len(s.benchmarks) < seriesPerChart {
				s.benchmarks = append(s.benchmarks, result.Benchmark.UUID)
			}
		}
	}
	return s, nil
}

// standardReport is the place of the newest report that has results, of one of a main branch if there is one among them; −1 without any.
func standardReport(reports []api.Report) int {
	with := func(names ...string) int {
		return slices.IndexFunc(reports, func(r api.Report) bool {
			return r.Status == api.ReportProcessed && (len(names) == 0 || slices.Contains(names, r.Branch.Name))
		})
	}
	if at := with("main", "master", "trunk"); at >= 0 {
		return at
	}
	return with()
}

type figure struct {
	Title, Note string
	SVG         template.HTML
	Legend      []legendRow
}

type legendRow struct{ Class, Name string }

type drawOptions struct {
	boundaries, log, time bool
	spread                bool // of samples, of a few lines
	changes               []event.LineChange
	focus                 string     // UUID of the change that is looked at
	from, to              *float64   // of the axis
	since                 *time.Time // reports from then on
}

// drawCharts draws one plot for each measure.
func drawCharts(project api.Project, picture explore.Picture, opts drawOptions) []figure {
	var out []figure
	byMeasure := map[string][]explore.PictureLine{}
	var order []string
	for _, s := range picture.Lines {
		if byMeasure[s.Measure.UUID] == nil {
			order = append(order, s.Measure.UUID)
		}
		byMeasure[s.Measure.UUID] = append(byMeasure[s.Measure.UUID], s)
	}
	for _, id := range order {
		out = append(out, drawChart(project, byMeasure[id], picture.More[id], opts))
	}
	return out
}

// drawChart draws lines of one measure; so many more were not read.
func drawChart(project api.Project, series []explore.PictureLine, more int, opts drawOptions) figure {
	measure := series[0].Measure
	made := figure{Title: measure.Name}
	if more > 0 {
		made.Note = fmt.Sprintf("showing %d of up to %d lines; choose fewer to see the others", len(series), len(series)+more)
	}
	several := func(of func(explore.PictureLine) string) bool {
		return slices.ContainsFunc(series, func(s explore.PictureLine) bool { return of(s) != of(series[0]) })
	}
	branches := several(func(s explore.PictureLine) string { return s.Branch.UUID })
	testbeds := several(func(s explore.PictureLine) string { return s.Testbed.UUID })
	drawing := chart.Plot{
		Title: measure.Name + " over versions", Time: opts.time, LogY: opts.log, From: opts.from, To: opts.to, Boundaries: opts.boundaries &&
			len(series) <= boundedLines,
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
		shown := name
		if grade := gradeText(s.Grade, s.Identical); grade != "" {
			shown += " · " + grade
		}
		made.Legend = append(made.Legend, legendRow{"s" + strconv.Itoa(i), shown})
		drawing.Series = append(drawing.Series, chart.Series{Name: name, Points: pointsOf(project, s, name, opts.time)})
	}
	if opts.spread {
		drawing.Spread = len(series) <= boundedLines
	}
	overlay(project, &drawing, series, opts)
	if opts.boundaries && len(series) > boundedLines && made.Note == "" {
		made.Note = "boundaries are drawn for up to three lines"
	}
	made.SVG = template.HTML(drawing.SVG()) //nolint:gosec // package chart escapes all text in it
	return made
}

func pointsOf(project api.Project, s explore.PictureLine, name string, byTime bool) []chart.Point {
	out := make([]chart.Point, len(s.Points))
	for i, v := range s.Points {
		q := chart.Point{X: float64(v.Number), Y: v.Value, Lower: v.Lower, Upper: v.Upper, Low: v.Low, High: v.High, Alert: string(v.Alert)}
		if byTime {
			q.X = float64(v.Start.UnixMilli())
		}
		if v.Report != "" { // it has a dot
			version := api.Version{Number: v.Number}
			if v.Hash != "" {
				version.Hash = &v.Hash
			}
			q.Href = reportHref(project, v.Report)
			q.Label = fmt.Sprintf("%s\n%s\n%s, %s", name, unit.Format(v.Value, s.Measure.Units), versionText(&version),
				v.Start.UTC().Format("2 Jan 2006 15:04"))
		}
		out[i] = q
	}
	return out
}

type perfView struct {
	Notes                       []string
	Charts                      []figure
	Empty                       string
	Choosers                    []chooser
	Search, From, To, WholeHref string
	Time, Log, NoLimits         bool
	Keep                        *keeping
	Table                       []tableRow
}

// keeping is the form that keeps what is drawn.
type keeping struct {
	Action, Back string
	Fields       []field
}

type field struct{ Name, Value string }

// keepForm is nil where there is nothing to keep, or nobody who could.
func keepForm(r *http.Request, project api.Project, chosen selection, view perfView) *keeping {
	if !acts(r) || !chosen.complete() || len(view.Charts) == 0 {
		return nil
	}
	plots := "/projects/" + url.PathEscape(project.Slug) + "/plots"
	made := &keeping{Action: plots, Back: plots}
	for _, of := range []struct {
		name   string
		values []string
	}{{"branch", chosen.branches}, {"testbed", chosen.testbeds}, {"benchmark", chosen.benchmarks}, {"measure", chosen.measures}} {
		for _, value := range of.values {
			made.Fields = append(made.Fields, field{of.name, value})
		}
	}
	for _, of := range []struct {
		chosen bool
		field
	}{{view.Time, field{"x", "time"}}, {view.Log, field{"log", "1"}}, {view.NoLimits, field{"limits", "0"}}} {
		if of.chosen {
			made.Fields = append(made.Fields, of.field)
		}
	}
	return made
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
	opts := drawOptions{boundaries: !view.NoLimits, log: view.Log, time: view.Time, spread: !view.NoLimits}
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
	picture, err := p.pictureOf(r, project, chosen, opts, chart.Columns)
	if fault.Is(err, fault.Invalid) { // too many permutations: say so, and keep the form usable
		view.Notes = append(view.Notes, fault.Message(err))
	} else if err != nil {
		return page{}, err
	}
	if opts.changes, err = p.changesOf(r, project, picture); err != nil {
		return page{}, err
	}
	view.Charts = drawCharts(project, picture, opts)
	view.Table = tableOf(picture)
	view.Keep = keepForm(r, project, chosen, view)
	if view.Choosers, err = p.choosers(r, project, chosen, picture, view.Search); err != nil {
		return page{}, err
	}
	return page{
		template: "perf", title: "Explore", section: "projects", crumbs: projectCrumbs(project), tabs: projectTabs(project.Slug, "Explore"),
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
	return selection{branches: pick(s.branches, other.branches), testbeds: pick(s.testbeds, other.testbeds),
		benchmarks: pick(s.benchmarks, other.benchmarks), measures: pick(s.measures, other.measures)}
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
func (p *Pages) choosers(r *http.Request, project api.Project, chosen selection, picture explore.Picture, search string) ([]chooser,
	error) {
	list := func(title, name string, what Things, search string, ticked []string, shown []explore.Named) (chooser, error) {
		rows, total, err := p.cfg.Source.Things(r.Context(), reader(r), project.UUID, what, store.ListFilter{Search: search,
			Page: store.Page{Limit: optionsPerChooser}})
		if err != nil {
			return chooser{}, err
		}
		made := chooser{Title: title, Name: name}
		if total > len(rows) {
			made.More = fmt.Sprintf("(%d of %d; search)", len(rows), total)
		}
		checked := map[string]bool{}
		for _, uuid := range ticked {
			checked[uuid] = true
		}
		for _, s := range shown { // also by another name
			checked[s.UUID] = true
			if one := (Thing{s.UUID, s.Name}); !slices.Contains(rows, one) {
				rows = append(rows, one)
			}
		}
		for _, one := range rows {
			made.Options = append(made.Options, option{one.UUID, one.Name, checked[one.UUID]})
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
		shown       []explore.Named
	}{
		{"Benchmarks", "benchmark", Benchmarks, search, chosen.benchmarks, picture.Benchmarks},
		{"Branches", "branch", Branches, "", chosen.branches, picture.Branches},
		{"Testbeds", "testbed", Testbeds, "", chosen.testbeds, picture.Testbeds},
		{"Measures", "measure", Measures, "", chosen.measures, picture.Measures},
	} {
		made, err := list(c.title, c.name, c.what, c.search, c.ticked, c.shown)
		if err != nil {
			return nil, err
		}
		out = append(out, made)
	}
	return out, nil
}

func tableOf(picture explore.Picture) []tableRow {
	var out []tableRow
	for _, s := range picture.Lines {
		units := s.Measure.Units
		out = append(out, tableRow{
			Benchmark: s.Benchmark.Name, Branch: s.Branch.Name, Testbed: s.Testbed.Name, Measure: s.Measure.Name,
			Points: strconv.Itoa(s.Count),
			Newest: unit.Format(s.Newest, units), Lowest: unit.Format(s.Lowest, units), Highest: unit.Format(s.Highest, units),
		})
	}
	return out
}

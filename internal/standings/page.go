package standings

import (
	_ "embed" // the template and its style sheet
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tachograph/tacho/internal/core/stats"
	"github.com/tachograph/tacho/internal/server/chart"
)

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	pageStyle string
)

var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"percent": percent, "dollars": dollars, "value": number, "ranks": ranks, "between": interval,
		"day": func(t *time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") },
	}).Parse(pageText))
})

// Style is the style sheet of Body.
func Style() template.CSS { return template.CSS(pageStyle) } //nolint:gosec // a file of ours

// WritePage writes one page that needs nothing else: no script, no picture, no font from elsewhere.
func (r *Report) WritePage(w io.Writer) error {
	return pages().ExecuteTemplate(w, "page", r.content())
}

// Body is what the page has below its title, for a page that has a head of its own.
func (r *Report) Body() (template.HTML, error) {
	var b strings.Builder
	err := pages().ExecuteTemplate(&b, "body", r.content())
	return template.HTML(b.String()), err //nolint:gosec // the template escapes
}

// content is what the template shows.
type content struct {
	*Report
	Style    template.CSS
	Frontier template.HTML
	Names    string // of types on the frontier
	Strips   []drawnStrip
	Ties     []Tie
	MoreTies int
	Priced   bool
	CPUs     bool   // some are known
	Dates    string // of the prices
}

type drawnStrip struct {
	Name  string
	Chart template.HTML
}

func (r *Report) content() content {
	c := content{Report: r, Style: Style(), Ties: r.Ties}
	if c.MoreTies = len(r.Ties) - tiesShown; c.MoreTies > 0 {
		c.Ties = r.Ties[:tiesShown]
	}
	var names, dates []string
	for _, i := range r.frontiers {
		names = append(names, r.Rows[i].Name)
	}
	for _, row := range r.Rows {
		c.CPUs = c.CPUs || row.CPU != ""
		if row.Work == nil || row.Price == nil {
			continue
		}
		c.Priced = true
		if date := strings.TrimSpace(row.Price.Source + " " + row.Price.Date); date != "" && !slices.Contains(dates, date) {
			dates = append(dates, date)
		}
	}
	c.Names, c.Dates = strings.Join(names, ", "), strings.Join(dates, ", ")
	if c.Priced {
		c.Frontier = template.HTML(r.frontier().SVG()) //nolint:gosec // chart escapes
	}
	for _, s := range r.strips {
		c.Strips = append(c.Strips, drawnStrip{s.benchmark, template.HTML(s.chart(r.Unit).SVG())}) //nolint:gosec // chart escapes
	}
	return c
}

// frontier is the chart of prices.
func (r *Report) frontier() chart.Frontier {
	f := chart.Frontier{Title: "speed against price", NameX: "dollars an hour", NameY: "speed, % of the fastest",
		FormatX: func(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) },
		FormatY: func(v float64) string { return strconv.FormatFloat(100*v, 'g', 4, 64) + " %" }}
	for _, row := range r.Rows {
		if row.Work == nil {
			continue
		}
		o := chart.Offer{Name: row.Name, Price: row.Price.PerHour, Speed: row.Relative, Lower: math.NaN(), Upper: math.NaN(),
			Class: row.Domination, Label: fmt.Sprintf("%s: %s of the fastest, %s an hour, rank %s", row.Name, percent(row.Relative),
				dollars(row.Price.PerHour), ranks(row.Best, row.Worst))}
		if row.Interval != nil {
			lower, upper := row.Interval[0], row.Interval[1]
			o.Lower, o.Upper = row.Relative*row.Mean/upper, row.Relative*row.Mean/lower
			if r.Higher {
				o.Lower, o.Upper = row.Relative*lower/row.Mean, row.Relative*upper/row.Mean
			}
		}
		if row.By != "" {
			o.Label += fmt.Sprintf("; %s is at least as cheap, and faster with a probability of %s", row.By, percent(*row.Chance))
		}
		f.Offers = append(f.Offers, o)
	}
	return f
}

// strip is a benchmark with what each type measured.
type strip struct {
	benchmark string
	lanes     []chart.Strip
}

func (s strip) chart(unit string) chart.Strips {
	return chart.Strips{Title: s.benchmark, Lanes: s.lanes, Format: func(v float64) string { return number(v) + " " + unit }}
}

// strips are the lanes of each benchmark that counts, types in the order of the table: a dot for each process, a bar for each machine, a
// band for what 95 % intervals by machines say of the type.
func strips(r *Report) []strip {
	type place struct{ benchmark, kind string }
	type machine struct {
		name   string
		values []float64
	}
	values := map[place][]machine{}
	several := r.sweep.several()
	suspect := map[string]bool{}
	for _, s := range r.Suspects {
		suspect[s.Machine] = true
	}
	for _, p := range r.sweep.Processes {
		if suspect[p.Machine] {
			continue
		}
		at := place{key(p, several), p.Type}
		i := slices.IndexFunc(values[at], func(m machine) bool { return m.name == p.Machine })
		if i < 0 {
			i = len(values[at])
			values[at] = append(values[at], machine{name: p.Machine})
		}
		values[at][i].values = append(values[at][i].values, p.Value)
	}
	out := make([]strip, 0, len(r.Benchmarks))
	for _, b := range r.Benchmarks {
		s := strip{benchmark: b}
		for _, row := range r.Rows {
			lane := chart.Strip{Name: row.Name, Lower: math.NaN(), Upper: math.NaN()}
			for _, m := range values[place{b, row.Name}] {
				mean := 0.0
				for _, v := range m.values {
					mean += v / float64(len(m.values))
				}
				lane.Dots, lane.Bars = append(lane.Dots, m.values...), append(lane.Bars, mean)
			}
			s.lanes = append(s.lanes, labelled(lane, r.Unit))
		}
		out = append(out, s)
	}
	return out
}

// labelled gives a lane the interval of its machines, by Student's t on their logarithms, and says it in words.
func labelled(l chart.Strip, unit string) chart.Strip {
	logs := make([]float64, len(l.Bars))
	for i, mean := range l.Bars {
		logs[i] = math.Log(mean)
	}
	d := stats.OneSample(logs)
	l.Label = fmt.Sprintf("%s: %s %s, %d machines, %d processes", l.Name, number(math.Exp(d.Estimate)), unit, len(l.Bars), len(l.Dots))
	if lower, upper := d.Interval(0.95); !math.IsNaN(lower) {
		l.Lower, l.Upper = math.Exp(lower), math.Exp(upper)
		l.Label += fmt.Sprintf(", 95 %% %s … %s", number(l.Lower), number(l.Upper))
	}
	return l
}

// number has four digits.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1e6 || a < 1e-3 && a > 0:
		return strconv.FormatFloat(v, 'e', 3, 64)
	case a >= 1000:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

func percent(v any) string {
	var x float64
	switch v := v.(type) {
	case float64:
		x = v
	case *float64:
		x = *v
	}
	switch x *= 100; {
	case x >= 100:
		return strconv.FormatFloat(x, 'f', 0, 64) + " %"
	case x >= 99.95:
		return "> 99.9 %"
	}
	return strconv.FormatFloat(x, 'g', 3, 64) + " %"
}

// dollars has four digits, as price lists do, and no exponent.
func dollars(v float64) string {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	if err != nil {
		rounded = v
	}
	return "$" + strconv.FormatFloat(rounded, 'f', -1, 64)
}

func ranks(best, worst int) string {
	if best == worst {
		return strconv.Itoa(best)
	}
	return fmt.Sprintf("%d–%d", best, worst)
}

// interval is a range in percent or plainly.
func interval(r *[2]float64, asPercent bool) string {
	switch {
	case r == nil:
		return ""
	case asPercent:
		return percent(r[0]) + " … " + percent(r[1])
	}
	return number(r[0]) + " … " + number(r[1])
}

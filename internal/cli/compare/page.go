package compare

import (
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
	"sync"

	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/stats"
)

// pageRow is a row of the page with its dots.
type pageRow struct {
	Name, Measure string
	Old, New      string
	Change        string
	Test, Visible string
	Verdict       judge.Verdict
	Reason        string
	Dots          template.HTML
}

// writePage writes one page that needs nothing else: the table, and for each row the values before and after as dots.
func (v *view) writePage(w io.Writer) error {
	var rows []pageRow
	for _, i := range v.order {
		c := v.cell(i)
		rows = append(rows, pageRow{Name: strings.TrimPrefix(v.rows[i].Benchmark, v.prefix), Measure: v.rows[i].Measure.Name, Old: c.old,
			New: c.new, Change: c.change, Test: c.test, Visible: c.visible, Verdict: c.verdict, Reason: v.cs.Rows[i].Because(v.policy),
			Dots: dots(v.rows[i])})
	}
	var geomeans []string
	for _, c := range v.columns {
		if text, n := c.geomeanText(); text != "" {
			geomeans = append(geomeans, strings.TrimSpace(fmt.Sprintf("%s: geomean of %d benchmarks %s %s", c.name, c.geomean.Benchmarks, text, n)))
		}
	}
	return page().Execute(w, map[string]any{"Old": listed(v.before), "New": listed(v.after), "Tool": v.tool, "Summary": v.summary(),
		"Prefix": v.prefix, "Rows": rows, "Geomeans": geomeans, "Notes": v.footnotes()})
}

// The picture of a row, in pixels: a lane for each side, the old one above. How many dots a side has in it, and from how many on it has a
// curve of their density.
const (
	dotsWidth   = 240
	laneHeight  = 26
	dotsMost    = 200
	densityFrom = 5
	dotRadius   = 2.5
)

// dots draws the values of both sides on one scale: dots on the line of their side, and over them how dense they are. Dots are translucent,
// so that where many lie together it is darker.
func dots(row judge.Row) template.HTML {
	least, most := math.Inf(1), math.Inf(-1)
	sides := [2][]float64{values(row.Old), values(row.New)}
	for _, xs := range sides {
		for _, x := range xs {
			least, most = min(least, x), max(most, x)
		}
	}
	if !(least < most) { // a picture of equal values shows nothing
		return ""
	}
	at := func(x float64) float64 {
		return 6 + (x-least)/(most-least)*(dotsWidth-12)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="values before and after">`, dotsWidth,
		2*laneHeight, dotsWidth, 2*laneHeight)
	for side, xs := range sides {
		class, y := [2]string{"o", "n"}[side], float64((side+1)*laneHeight)-dotRadius-1
		places := make([]float64, len(xs))
		for i, x := range xs {
			places[i] = at(x)
		}
		if path := density(places, y, laneHeight-2*dotRadius-4); path != "" {
			fmt.Fprintf(&b, `<path class="%s" d="%s"/>`, class, path)
		}
		for _, x := range places {
			fmt.Fprintf(&b, `<circle class="%s" cx="%.1f" cy="%.1f" r="%.1f"/>`, class, x, y, dotRadius)
		}
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) //nolint:gosec // made of numbers only
}

// density is the outline of how dense places are on a line at y, at most so high: a sum of normal curves with the width of Silverman's rule
// (Density Estimation, 1986, eq. 3.31). It is empty for few places and where all are one.
func density(places []float64, y, height float64) string {
	spread := min(stats.SampleSD(places), (stats.Quantile(places, .75)-stats.Quantile(places, .25))/1.34)
	if len(places) < densityFrom || !(stats.SampleSD(places) > 0) {
		return ""
	}
	if spread == 0 { // more than half are equal
		spread = stats.SampleSD(places)
	}
	width := max(1.5, .9*spread*math.Pow(float64(len(places)), -.2))
	var curve [dotsWidth/3 + 1]float64
	most := 0.0
	for i := range curve {
		for _, p := range places {
			d := (float64(3*i) - p) / width
			curve[i] += math.Exp(-d * d / 2)
		}
		most = max(most, curve[i])
	}
	var b strings.Builder
	fmt.Fprintf(&b, "M0 %.1f", y)
	for i, v := range curve {
		fmt.Fprintf(&b, "L%d %.1f", 3*i, y-height*v/most)
	}
	fmt.Fprintf(&b, "L%d %.1fZ", dotsWidth, y)
	return b.String()
}

// values are those of a side, at equal distances where there are more than dotsMost.
func values(s judge.Side) (out []float64) {
	total := 0
	for _, p := range s {
		total += len(p.Values)
	}
	step, i := max(1, (total+dotsMost-1)/dotsMost), 0
	for _, p := range s {
		for _, v := range p.Values {
			if i%step == 0 && !math.IsNaN(v) && !math.IsInf(v, 0) {
				out = append(out, v)
			}
			i++
		}
	}
	return out
}

var page = sync.OnceValue(func() *template.Template { return template.Must(template.New("page").Parse(pageText)) })

const pageText = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Summary}} — {{.Old}} and {{.New}}</title>
<style>
:root { color-scheme: light dark; --bad: #b3261e; --good: #1b6e3c; --line: #8884; --old: #66788a; --new: #1c6fd4 }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --good: #7bd88f; --old: #9fb1c3; --new: #7db5ff } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 84rem; padding: 0 1rem }
h1 { font-size: 1.3rem; margin: 0 }
.scroll { overflow-x: auto }
table { border-collapse: collapse; margin: 1rem 0; white-space: nowrap }
th, td { padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: middle }
td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 10rem } svg { display: block }
td.number { text-align: right; font-variant-numeric: tabular-nums }
.worse { color: var(--bad); font-weight: 600 } .better { color: var(--good); font-weight: 600 } .different { font-weight: 600 }
circle.o { fill: var(--old); opacity: .55 } circle.n { fill: var(--new); opacity: .55 }
path.o { fill: var(--old); opacity: .25 } path.n { fill: var(--new); opacity: .25 }
.suspicious { font-weight: 600 } .faint { opacity: .75 }
</style></head><body>
<h1>{{.Summary}}</h1>
<p>old {{.Old}} · new {{.New}} · {{.Tool}}{{with .Prefix}} · in {{.}}{{end}}</p>
<div class="scroll"><table>
<thead><tr><th>benchmark</th><th>measure</th><th>old</th><th>new</th><th>change</th><th>test</th><th>could see</th>` +
	`<th>old above, new below</th></tr></thead>
<tbody>
{{range .Rows}}<tr><td>{{.Name}}</td><td>{{.Measure}}</td><td class="number">{{.Old}}</td><td class="number">{{.New}}</td>` +
	`<td class="{{.Verdict}}" title="{{.Reason}}">{{.Change}}</td><td>{{.Test}}</td><td>{{.Visible}}</td><td>{{.Dots}}</td></tr>
{{end}}</tbody></table></div>
{{range .Geomeans}}<p>{{.}}</p>
{{end}}<ul class="faint">
{{range .Notes}}<li>{{.}}</li>
{{end}}</ul>
</body></html>
`

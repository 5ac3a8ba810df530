package compare

import (
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
	"sync"

	"github.com/tachograph/tacho/internal/core/judge"
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
	for _, i := range v.cs.ByCertainty() {
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

// The picture of a row, in pixels, and how many dots a side has in it.
const (
	dotsWidth  = 240
	dotsHeight = 36
	dotsMost   = 200
)

// dots draws the values of both sides on one scale: the old ones above, the new ones below, with a line at each median. Dots are
// translucent, so that where many lie together it is darker.
func dots(row judge.Row) template.HTML {
	least, most := math.Inf(1), math.Inf(-1)
	sides := [2][]float64{values(row.Old), values(row.New)}
	for _, xs := range sides {
		for _, x := range xs {
			least, most = min(least, x), max(most, x)
		}
	}
	if !(least <= most) {
		return ""
	}
	at := func(x float64) float64 {
		if most == least {
			return dotsWidth / 2
		}
		return 6 + (x-least)/(most-least)*(dotsWidth-12)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="values before and after">`, dotsWidth, dotsHeight,
		dotsWidth, dotsHeight)
	for side, xs := range sides {
		y := float64(9 + side*18)
		for i, x := range xs {
			fmt.Fprintf(&b, `<circle class="%s" cx="%.1f" cy="%.1f" r="2.5"/>`, [2]string{"o", "n"}[side], at(x), y+float64(i%5-2))
		}
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) //nolint:gosec // made of numbers only
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
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem }
h1 { font-size: 1.3rem; margin: 0 }
.scroll { overflow-x: auto }
table { border-collapse: collapse; margin: 1rem 0; white-space: nowrap }
th, td { padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: middle }
td.number { text-align: right; font-variant-numeric: tabular-nums }
.worse { color: var(--bad); font-weight: 600 } .better { color: var(--good); font-weight: 600 } .different { font-weight: 600 }
circle.o { fill: var(--old); opacity: .55 } circle.n { fill: var(--new); opacity: .55 }
.faint { opacity: .75 }
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

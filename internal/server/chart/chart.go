// Package chart draws series as SVG: lines, boundaries, alerts, axes with units. It is a pure function of its input; pages embed the result
// and later images and badges use the same scales.
//
// Many points on few pixels are reduced per pixel column to the first, lowest, highest and last value, which looks exactly like drawing
// all of them (Jugel et al., "M4", VLDB 2014); points with an alert are never dropped. Colours and dashes come from the page's style
// sheet by class (s0, s1, …), so a plot follows light and dark and needs no inline style.
//
// The pages (package web) call it.
package chart

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Point is one metric.
type Point struct {
	X            float64 // version number, or Unix milliseconds
	Y            float64
	Lower, Upper *float64 // boundary limits, nil where none was drawn
	Low, High    *float64 // spread of the samples, nil where it is not known
	Alert        string   // "", "active", "dismissed", "silenced"
	Label        string   // for the tooltip
	Href         string   // where a click leads; empty: nowhere
}

// Series is one line; its points are in ascending X.
type Series struct {
	Name   string
	Points []Point
}

// Mark is a line at an X: something changed there.
type Mark struct {
	X                  float64
	Label, Href, Class string // Class is up, down or empty
}

// Band is a range of X that differs from the rest.
type Band struct {
	From, To     float64
	Label, Class string
}

// Level is a value over a range of X.
type Level struct {
	From, To, Y  float64
	Label, Class string
}

// Plot is what to draw. All series share one unit.
type Plot struct {
	Title         string
	Width, Height int // of the view box; 0: 960 × 360
	Time          bool
	LogY          bool
	From, To      *float64 // visible range of X; nil: all
	Boundaries    bool
	Spread        bool // as bands around the lines
	Marks         []Mark
	Bands         []Band
	Levels        []Level
	FormatY       func(float64) string // tick and tooltip text of a value; nil: shortest decimal
	Series        []Series
}

const (
	defaultWidth, defaultHeight         = 960, 360
	marginLeft, marginRight             = 76, 16
	marginTop, marginBottom             = 14, 34
	classes                             = 10 // s0 … s9 in the style sheet
	wantedTicksX, wantedTicksY          = 8, 6
	dotRadius, alertRadius      float64 = 2.6, 5
)

// DotsAtMost is how many visible points a series may have that shows each as a dot; of more only alerts get one. Only these need a label
// and a link. Columns are the pixel columns between the margins of a plot of the default width: more points than four on each are not seen.
const (
	DotsAtMost = 400
	Columns    = defaultWidth - marginLeft - marginRight
)

// Empty reports whether there is nothing to draw in the visible range.
func (p Plot) Empty() bool {
	_, _, ok := p.rangeX()
	return !ok
}

// SVG draws the plot. The result is a complete <svg> element, safe to embed: all text is escaped.
func (p Plot) SVG() string {
	if p.Width == 0 {
		p.Width = defaultWidth
	}
	if p.Height == 0 {
		p.Height = defaultHeight
	}
	if p.FormatY == nil {
		p.FormatY = func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="plot" viewBox="0 0 %d %d" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg" data-left="%d" `+
		`data-right="%d"`,
		p.Width, p.Height, html.EscapeString(p.Title), marginLeft, p.Width-marginRight)
	fromX, toX, ok := p.rangeX()
	if !ok {
		fmt.Fprintf(&b, `><text class="empty" x="%d" y="%d" text-anchor="middle">no points in this range</text></svg>`, p.Width/2, p.Height/2)
		return b.String()
	}
	fmt.Fprintf(&b, ` data-from="%s" data-to="%s">`, number(fromX), number(toX))
	visible := make([]Series, len(p.Series))
	for i, s := range p.Series {
		visible[i] = Series{Name: s.Name, Points: within(s.Points, fromX, toX)}
	}
	x := newScale(fromX, toX, marginLeft, float64(p.Width-marginRight), false)
	levels := p.visibleLevels(fromX, toX)
	fromY, toY := p.rangeY(visible, levels)
	y := newScale(fromY, toY, float64(p.Height-marginBottom), marginTop, p.LogY && fromY > 0)
	p.bands(&b, x)
	p.axes(&b, x, y)
	for i, s := range visible {
		p.line(&b, i, s, x, y)
	}
	p.overlays(&b, levels, x, y)
	b.WriteString(`</svg>`)
	return b.String()
}

func (p Plot) axes(b *strings.Builder, x, y scale) {
	b.WriteString(`<g class="grid">`)
	bottom := float64(p.Height - marginBottom)
	for _, t := range y.ticks(wantedTicksY) {
		at := y.at(t)
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%s" y2="%s"/><text x="%d" y="%s" text-anchor="end">%s</text>`,
			marginLeft, p.Width-marginRight, pixel(at), pixel(at), marginLeft-8, pixel(at+4), html.EscapeString(p.FormatY(t)))
	}
	ticks, format := x.integerTicks(wantedTicksX), func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	if p.Time {
		ticks, format = timeTicks(x.from, x.to, wantedTicksX)
	}
	for _, t := range ticks {
		at := x.at(t)
		anchor := "middle"
		if at > float64(p.Width-marginRight)-30 {
			anchor = "end"
		}
		fmt.Fprintf(b, `<line class="tick" x1="%s" x2="%s" y1="%s" y2="%s"/><text x="%s" y="%s" text-anchor="%s">%s</text>`,
			pixel(at), pixel(at), pixel(bottom), pixel(bottom+5), pixel(at), pixel(bottom+20), anchor, html.EscapeString(format(t)))
	}
	fmt.Fprintf(b, `<line class="axis" x1="%d" x2="%d" y1="%s" y2="%s"/></g>`, marginLeft, p.Width-marginRight, pixel(bottom), pixel(bottom))
}

func (p Plot) line(b *strings.Builder, index int, s Series, x, y scale) {
	class := "s" + strconv.Itoa(index%classes)
	points := decimate(s.Points, x)
	fmt.Fprintf(b, `<g class="series %s"><title>%s</title>`, class, html.EscapeString(s.Name))
	if p.Spread {
		spread(b, points, x, y)
	}
	if p.Boundaries {
		limit(b, "limit upper", points, x, y, func(q Point) *float64 { return q.Upper })
		limit(b, "limit lower", points, x, y, func(q Point) *float64 { return q.Lower })
	}
	var path []byte
	for i, q := range points {
		path = step(path, i == 0, x.at(q.X), y.at(q.Y))
	}
	fmt.Fprintf(b, `<path class="line" d="%s"/>`, path)
	for _, q := range points {
		if q.Alert == "" && len(s.Points) > DotsAtMost {
			continue
		}
		p.dot(b, q, x, y)
	}
	b.WriteString(`</g>`)
}

// dot draws one point; an alert is a larger ring, told apart by shape and not by colour alone.
func (p Plot) dot(b *strings.Builder, q Point, x, y scale) {
	open, shut := "", ""
	if q.Href != "" {
		open, shut = `<a href="`+html.EscapeString(q.Href)+`">`, `</a>`
	}
	tip := q.Label
	if tip == "" {
		tip = p.FormatY(q.Y)
	}
	b.WriteString(open)
	if q.Alert != "" {
		fmt.Fprintf(b, `<circle class="alert %s" cx="%s" cy="%s" r="%s"><title>%s</title></circle>`,
			html.EscapeString(q.Alert), pixel(x.at(q.X)), pixel(y.at(q.Y)), pixel(alertRadius), html.EscapeString(tip))
	}
	fmt.Fprintf(b, `<circle class="dot" cx="%s" cy="%s" r="%s"><title>%s</title></circle>`, pixel(x.at(q.X)), pixel(y.at(q.Y)),
		pixel(dotRadius), html.EscapeString(tip))
	b.WriteString(shut)
}

// limit draws a boundary as a line that has gaps where no boundary was drawn.
func limit(b *strings.Builder, class string, points []Point, x, y scale, of func(Point) *float64) {
	var path []byte
	pen := false
	for _, q := range points {
		v := of(q)
		if v == nil || y.log && *v <= 0 {
			pen = false
			continue
		}
		path = step(path, !pen, x.at(q.X), y.at(*v))
		pen = true
	}
	if len(path) > 0 {
		fmt.Fprintf(b, `<path class="%s" d="%s"/>`, class, path)
	}
}

func step(path []byte, move bool, x, y float64) []byte {
	op := byte('L')
	if move {
		op = 'M'
	}
	return appendPixel(append(appendPixel(append(path, op), x), ' '), y)
}

// rangeX is the visible range of X; ok is false when no point lies in it.
func (p Plot) rangeX() (from, to float64, ok bool) {
	from, to = math.Inf(1), math.Inf(-1)
	for _, s := range p.Series {
		for _, q := range s.Points {
			if p.From != nil && q.X < *p.From || p.To != nil && q.X > *p.To {
				continue
			}
			from, to, ok = min(from, q.X), max(to, q.X), true
		}
	}
	if ok && p.From != nil {
		from = *p.From
	}
	if ok && p.To != nil {
		to = *p.To
	}
	return from, to, ok
}

func (p Plot) rangeY(series []Series, levels []Level) (from, to float64) {
	from, to = math.Inf(1), math.Inf(-1)
	include := func(v *float64) {
		if v != nil {
			from, to = min(from, *v), max(to, *v)
		}
	}
	for _, s := range series {
		for _, q := range s.Points {
			include(&q.Y)
			if p.Boundaries {
				include(q.Lower)
				include(q.Upper)
			}
			if p.Spread {
				include(q.Low)
				include(q.High)
			}
		}
	}
	for _, l := range levels {
		include(&l.Y)
	}
	return from, to
}

// within returns the points with from ≤ X ≤ to.
func within(points []Point, from, to float64) []Point {
	byX := func(q Point, x float64) int { return cmp.Compare(q.X, x) }
	lo, _ := slices.BinarySearchFunc(points, from, byX)
	hi := lo
	for hi < len(points) && points[hi].X <= to {
		hi++
	}
	return points[lo:hi]
}

// decimate keeps, for each pixel column, the first, lowest, highest and last point and those with an alert.
func decimate(points []Point, x scale) []Point {
	if len(points) <= DotsAtMost {
		return points
	}
	out := make([]Point, 0, DotsAtMost*4)
	for i := 0; i < len(points); {
		column := int(x.at(points[i].X))
		j, low, high := i, i, i
		for ; j < len(points) && int(x.at(points[j].X)) == column; j++ {
			if points[j].Y < points[low].Y {
				low = j
			}
			if points[j].Y > points[high].Y {
				high = j
			}
		}
		for k := i; k < j; k++ {
			if k == i || k == low || k == high || k == j-1 || points[k].Alert != "" {
				out = append(out, points[k])
			}
		}
		i = j
	}
	return out
}

func pixel(v float64) string { return string(appendPixel(nil, v)) }

func appendPixel(b []byte, v float64) []byte {
	return strconv.AppendFloat(b, math.Round(v*10)/10, 'f', -1, 64)
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// timeOf is the instant of a Unix time in milliseconds.
func timeOf(ms float64) time.Time { return time.UnixMilli(int64(ms)).UTC() }

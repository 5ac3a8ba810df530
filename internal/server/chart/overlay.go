package chart

import (
	"fmt"
	"html"
	"slices"
	"strings"
)

// What lies over and under the lines of a plot. All of it has a text for who points at it, and a shape of its own, so that nothing is told
// by colour alone.

// bandWidth is what a band has at least, in pixels, so that it is seen.
const bandWidth = 3

func (p Plot) bands(b *strings.Builder, x scale) {
	for _, band := range p.Bands {
		if band.To < x.from || band.From > x.to {
			continue
		}
		from, to := x.at(max(band.From, x.from)), x.at(min(band.To, x.to))
		fmt.Fprintf(b, `<rect class="band %s" x="%s" y="%d" width="%s" height="%d"><title>%s</title></rect>`, html.EscapeString(band.Class),
			pixel(from), marginTop, pixel(max(to-from, bandWidth)), p.Height-marginBottom-marginTop, html.EscapeString(band.Label))
	}
}

func (p Plot) overlays(b *strings.Builder, levels []Level, x, y scale) {
	for _, l := range levels {
		if y.log && l.Y <= 0 {
			continue
		}
		fmt.Fprintf(b, `<line class="level %s" x1="%s" x2="%s" y1="%s" y2="%s"><title>%s</title></line>`, html.EscapeString(l.Class),
			pixel(x.at(l.From)), pixel(x.at(l.To)), pixel(y.at(l.Y)), pixel(y.at(l.Y)), html.EscapeString(l.Label))
	}
	for _, m := range p.Marks {
		if m.X < x.from || m.X > x.to {
			continue
		}
		open, shut := "", ""
		if m.Href != "" {
			open, shut = `<a href="`+html.EscapeString(m.Href)+`">`, `</a>`
		}
		at := x.at(m.X)
		fmt.Fprintf(b, `%s<g class="mark %s"><title>%s</title><line x1="%s" x2="%s" y1="%d" y2="%d"/><path d="M%s %dl5 -8h-10z"/></g>%s`, open,
			html.EscapeString(m.Class), html.EscapeString(m.Label), pixel(at), pixel(at), marginTop, p.Height-marginBottom, pixel(at),
			marginTop+4, shut)
	}
}

// visibleLevels are the levels, cut to a range of X.
func (p Plot) visibleLevels(from, to float64) []Level {
	var out []Level
	for _, l := range p.Levels {
		if l.To >= from && l.From <= to {
			l.From, l.To = max(l.From, from), min(l.To, to)
			out = append(out, l)
		}
	}
	return out
}

// spread draws where the samples of the points lie; it has gaps where that is not known.
func spread(b *strings.Builder, points []Point, x, y scale) {
	known := func(q Point) bool { return q.Low != nil && q.High != nil && !(y.log && *q.Low <= 0) }
	for i := 0; i < len(points); i++ {
		if !known(points[i]) {
			continue
		}
		j := i
		for j < len(points) && known(points[j]) {
			j++
		}
		var path []byte
		for k, q := range points[i:j] {
			path = step(path, k == 0, x.at(q.X), y.at(*q.High))
		}
		for _, q := range slices.Backward(points[i:j]) {
			path = step(path, false, x.at(q.X), y.at(*q.Low))
		}
		fmt.Fprintf(b, `<path class="spread" d="%sZ"/>`, path)
		i = j
	}
}

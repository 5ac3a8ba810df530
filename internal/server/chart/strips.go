package chart

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// Strip is a lane of values: each value as a dot, the means of groups as bars, and the interval of the lane as a band.
type Strip struct {
	Name         string
	Dots         []float64
	Bars         []float64
	Lower, Upper float64 // NaN: not known
	Label        string  // for the tooltip
}

// Strips are lanes above each other on one scale.
type Strips struct {
	Title  string
	Width  int // of the view box; 0: 960
	Lanes  []Strip
	Format func(float64) string // tick texts; nil: shortest decimal
}

const (
	laneHeight = 20
	laneNames  = 190 // pixels for the names of lanes
	nameLength = 30  // letters of a lane's name that have room
)

// SVG draws the lanes, the first on top. Values that are no finite numbers are left out. All text is escaped.
func (s Strips) SVG() string {
	s.Width = cmp.Or(s.Width, defaultWidth)
	if s.Format == nil {
		s.Format = func(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
	}
	height := len(s.Lanes)*laneHeight + marginTop + marginBottom
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="strips" viewBox="0 0 %d %d" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">`, s.Width, height,
		html.EscapeString(s.Title))
	low, high := math.Inf(1), math.Inf(-1)
	for _, l := range s.Lanes {
		for _, values := range [][]float64{l.Dots, l.Bars} {
			for _, v := range values {
				if finite(v) {
					low, high = min(low, v), max(high, v)
				}
			}
		}
	}
	if !(low <= high) {
		fmt.Fprintf(&b, `<text class="empty" x="%d" y="%d" text-anchor="middle">no values</text></svg>`, s.Width/2, height/2)
		return b.String()
	}
	// Intervals of two or three machines may be far wider than all that was measured. They are cut at the edge then.
	pad := (high/2 - low/2) * 0.3
	x := newScale(low-pad, high+pad, laneNames, float64(s.Width-marginRight), false)
	if low >= 0 && low-pad < 0 {
		x = newScale(0, high+pad, laneNames, float64(s.Width-marginRight), false)
	}
	bottom := float64(height - marginBottom)
	b.WriteString(`<g class="grid">`)
	for _, t := range x.ticks(wantedTicksX) {
		fmt.Fprintf(&b, `<line x1="%s" x2="%s" y1="%d" y2="%s"/><text x="%s" y="%s" text-anchor="middle">%s</text>`,
			pixel(x.at(t)), pixel(x.at(t)), marginTop, pixel(bottom), pixel(x.at(t)), pixel(bottom+18), html.EscapeString(s.Format(t)))
	}
	b.WriteString(`</g>`)
	for i, l := range s.Lanes {
		s.lane(&b, l, float64(marginTop+i*laneHeight)+laneHeight/2, x)
	}
	b.WriteString(`</svg>`)
	return b.String()
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// lane draws one lane. Dots are one path of points without length, so that sixty lanes of many processes stay small.
func (s Strips) lane(b *strings.Builder, l Strip, y float64, x scale) {
	name := []rune(l.Name)
	if len(name) > nameLength {
		name = append(name[:nameLength-1], '…')
	}
	fmt.Fprintf(b, `<g class="lane"><title>%s</title><text x="%d" y="%s" text-anchor="end">%s</text>`,
		html.EscapeString(cmp.Or(l.Label, l.Name)), laneNames-10, pixel(y+4), html.EscapeString(string(name)))
	if finite(l.Lower) && finite(l.Upper) {
		from, to := max(x.start, min(x.end, x.at(l.Lower))), max(x.start, min(x.end, x.at(l.Upper)))
		fmt.Fprintf(b, `<rect class="band" x="%s" y="%s" width="%s" height="%d"/>`, pixel(from), pixel(y-laneHeight/2+3), pixel(max(0, to-from)),
			laneHeight-6)
	}
	path := func(class string, values []float64, form string) {
		var d strings.Builder
		for _, v := range values {
			if finite(v) {
				fmt.Fprintf(&d, form, pixel(x.at(v)), pixel(y))
			}
		}
		if d.Len() > 0 {
			fmt.Fprintf(b, `<path class="%s" d="%s"/>`, class, d.String())
		}
	}
	path("bar", l.Bars, "M%s %sm0 -6v12")
	path("dots", l.Dots, "M%s %sh0")
	b.WriteString(`</g>`)
}

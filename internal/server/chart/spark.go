package chart

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Spark is a line without axes, as small as a word. A text beside it says what it shows.
type Spark struct {
	Title         string
	Width, Height int // of the view box; 0: 140 × 32
	Values        []float64
	Change        int    // place of the first value after a change; 0: none is shown
	Class         string // of the part from the change on: up, down or none
}

const (
	sparkWidth, sparkHeight = 140, 32
	sparkMargin             = 4
	sparkRadius             = 2.4
)

// SVG draws the line. Values that are no numbers are left out. The result is safe to embed.
func (s Spark) SVG() string {
	if s.Width == 0 {
		s.Width = sparkWidth
	}
	if s.Height == 0 {
		s.Height = sparkHeight
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="spark" viewBox="0 0 %d %d" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">`,
		s.Width, s.Height, html.EscapeString(s.Title))
	at := scalesOf(s.Width, s.Height, len(s.Values), s.Values)
	var before, after []byte
	last, lastAt := math.NaN(), 0
	for i, v := range s.Values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		x, y := at(float64(i), v)
		if s.Change > 0 && i >= s.Change {
			after = step(after, len(after) == 0, x, y)
		} else {
			before = step(before, len(before) == 0, x, y)
		}
		last, lastAt = v, i
	}
	if s.Change > 0 && s.Change < len(s.Values) {
		x, _ := at(float64(s.Change)-0.5, last)
		fmt.Fprintf(&b, `<line class="change" x1="%s" x2="%s" y1="0" y2="%d"/>`, pixel(x), pixel(x), s.Height)
	}
	if len(before) > 0 {
		fmt.Fprintf(&b, `<path class="line" d="%s"/>`, before)
	}
	if len(after) > 0 {
		fmt.Fprintf(&b, `<path class="line %s" d="%s"/>`, html.EscapeString(s.Class), after)
	}
	if !math.IsNaN(last) {
		class := ""
		if len(after) > 0 {
			class = " " + s.Class
		}
		x, y := at(float64(lastAt), last)
		fmt.Fprintf(&b, `<circle class="dot%s" cx="%s" cy="%s" r="%s"/>`, html.EscapeString(class), pixel(x), pixel(y), pixel(sparkRadius))
	}
	b.WriteString(`</svg>`)
	return b.String()
}

// Sides are the values before and after a change as dots on one axis, the earlier ones above.
type Sides struct {
	Title         string
	Before, After []float64
	Class         string // of what is after: up, down or none
}

// SVG draws the dots. Values that are no numbers are left out. The result is safe to embed.
func (s Sides) SVG() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="sides" viewBox="0 0 %d %d" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">`,
		sparkWidth, sparkHeight, html.EscapeString(s.Title))
	all := make([]float64, 0, len(s.Before)+len(s.After))
	all = append(append(all, s.Before...), s.After...)
	x := scalesOf(sparkHeight, sparkWidth, 0, all) // the values lie along the width
	row := func(class string, y float64, values []float64) {
		fmt.Fprintf(&b, `<line class="rail" x1="0" x2="%d" y1="%s" y2="%s"/>`, sparkWidth, pixel(y), pixel(y))
		for _, v := range values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				continue
			}
			_, at := x(0, v)
			fmt.Fprintf(&b, `<circle class="dot %s" cx="%s" cy="%s" r="%s"/>`, html.EscapeString(class), pixel(sparkWidth-at), pixel(y),
				pixel(sparkRadius))
		}
	}
	row("before", sparkHeight*0.28, s.Before)
	row(s.Class, sparkHeight*0.72, s.After)
	b.WriteString(`</svg>`)
	return b.String()
}

// scalesOf maps the place of a value among n and the value to a point in a box of these sides, with a margin for the dots. A line of one
// value, and one that is flat, lies in the middle.
func scalesOf(width, height, n int, values []float64) func(i, v float64) (x, y float64) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	part := func(v, from, to float64) float64 {
		if !(to/2-from/2 > 0) { // halves: the whole may be over what a number can be
			return 0.5
		}
		return (v/2 - from/2) / (to/2 - from/2)
	}
	return func(i, v float64) (x, y float64) {
		return sparkMargin + part(i, 0, float64(n-1))*float64(width-2*sparkMargin),
			float64(height) - sparkMargin - part(v, low, high)*float64(height-2*sparkMargin)
	}
}

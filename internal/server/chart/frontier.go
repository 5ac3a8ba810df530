package chart

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Offer is a thing with a price and a speed.
type Offer struct {
	Name         string
	Price, Speed float64 // both above zero and finite, or it is not drawn
	Lower, Upper float64 // of Speed; NaN: not known
	Class        string  // "": on the frontier; else why not, for the style sheet
	Label        string  // for the tooltip
}

// Frontier is a chart of price against speed: a dot with the interval of its speed for each offer, and a line along those on the frontier.
type Frontier struct {
	Title            string
	Width, Height    int // of the view box; 0: 960 × 420
	Offers           []Offer
	NameX, NameY     string               // of the axes
	FormatX, FormatY func(float64) string // tick texts; nil: shortest decimal
}

const (
	frontierHeight = 420
	wide           = 8   // a range of which one end is so many times the other is drawn by logarithm
	letterWidth    = 6.4 // pixels, about, of a label's letter
	labelHeight    = 13
)

// SVG draws the chart. All text is escaped; the result is safe to embed. Names are written where there is room, those on the frontier
// first; each dot has its label as a tooltip.
func (f Frontier) SVG() string {
	f.Width, f.Height = cmp.Or(f.Width, defaultWidth), cmp.Or(f.Height, frontierHeight)
	shortest := func(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
	if f.FormatX == nil {
		f.FormatX = shortest
	}
	if f.FormatY == nil {
		f.FormatY = shortest
	}
	offers := slices.DeleteFunc(slices.Clone(f.Offers), func(o Offer) bool { return !positive(o.Price) || !positive(o.Speed) })
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="frontier" viewBox="0 0 %d %d" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">`,
		f.Width, f.Height, html.EscapeString(f.Title))
	if len(offers) == 0 {
		fmt.Fprintf(&b, `<text class="empty" x="%d" y="%d" text-anchor="middle">nothing has a price</text></svg>`, f.Width/2, f.Height/2)
		return b.String()
	}
	slices.SortStableFunc(offers, func(a, b Offer) int { return cmp.Or(cmp.Compare(a.Price, b.Price), cmp.Compare(b.Speed, a.Speed)) })
	x, y := f.scales(offers)
	f.axes(&b, x, y)
	var line []byte
	for _, o := range offers {
		if o.Class == "" {
			line = step(line, line == nil, x.at(o.Price), y.at(o.Speed))
		}
	}
	if line != nil {
		fmt.Fprintf(&b, `<path class="line" d="%s"/>`, line)
	}
	for _, o := range offers {
		fmt.Fprintf(&b, `<g class="offer %s"><title>%s</title>`, html.EscapeString(o.Class), html.EscapeString(cmp.Or(o.Label, o.Name)))
		if positive(o.Lower) && positive(o.Upper) {
			fmt.Fprintf(&b, `<line class="band" x1="%s" x2="%s" y1="%s" y2="%s"/>`, pixel(x.at(o.Price)), pixel(x.at(o.Price)),
				pixel(y.at(o.Lower)), pixel(y.at(o.Upper)))
		}
		fmt.Fprintf(&b, `<circle cx="%s" cy="%s" r="5"/></g>`, pixel(x.at(o.Price)), pixel(y.at(o.Speed)))
	}
	f.names(&b, offers, x, y)
	b.WriteString(`</svg>`)
	return b.String()
}

func positive(v float64) bool { return v > 0 && !math.IsInf(v, 1) }

// scales are those of the axes, with room around what is drawn.
func (f Frontier) scales(offers []Offer) (x, y scale) {
	low, high, left, right := math.Inf(1), 0.0, math.Inf(1), 0.0
	for _, o := range offers {
		left, right = min(left, o.Price), max(right, o.Price)
		low, high = min(low, o.Speed), max(high, o.Speed)
		if positive(o.Lower) && positive(o.Upper) {
			low, high = min(low, o.Lower), max(high, o.Upper)
		}
	}
	x = newScale(left/1.05, right*1.05, marginLeft, float64(f.Width-marginRight), right/left > wide)
	return x, newScale(low, high, float64(f.Height-marginBottom-16), marginTop+8, high/low > wide)
}

func (f Frontier) axes(b *strings.Builder, x, y scale) {
	b.WriteString(`<g class="grid">`)
	bottom := float64(f.Height - marginBottom - 16)
	for _, t := range y.valueTicks(wantedTicksY) {
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%s" y2="%s"/><text x="%d" y="%s" text-anchor="end">%s</text>`, marginLeft,
			f.Width-marginRight, pixel(y.at(t)), pixel(y.at(t)), marginLeft-8, pixel(y.at(t)+4), html.EscapeString(f.FormatY(t)))
	}
	for _, t := range x.valueTicks(wantedTicksX) {
		fmt.Fprintf(b, `<line class="tick" x1="%s" x2="%s" y1="%s" y2="%s"/><text x="%s" y="%s" text-anchor="middle">%s</text>`,
			pixel(x.at(t)), pixel(x.at(t)), pixel(bottom), pixel(bottom+5), pixel(x.at(t)), pixel(bottom+20), html.EscapeString(f.FormatX(t)))
	}
	fmt.Fprintf(b, `<line class="axis" x1="%d" x2="%d" y1="%s" y2="%s"/>`, marginLeft, f.Width-marginRight, pixel(bottom), pixel(bottom))
	fmt.Fprintf(b, `<text class="name" x="%d" y="%s" text-anchor="end">%s</text>`, f.Width-marginRight, pixel(bottom+40),
		html.EscapeString(f.NameX))
	fmt.Fprintf(b, `<text class="name" x="%d" y="%d">%s</text></g>`, marginLeft-60, marginTop, html.EscapeString(f.NameY))
}

// valueTicks is ticks, but a logarithmic scale has 1, 2 and 5 times powers of ten, since prices seldom span two decades.
func (s scale) valueTicks(n int) []float64 {
	if !s.log || math.Log10(s.to/s.from) >= 3 {
		return s.ticks(n)
	}
	var out []float64
	for e := math.Floor(math.Log10(s.from)); e <= math.Log10(s.to) && len(out) < maxTicks; e++ {
		for _, m := range []float64{1, 2, 5} {
			if v := m * math.Pow(10, e); v >= s.from && v <= s.to {
				out = append(out, v)
			}
		}
	}
	return out
}

// box is where a label or a dot is, in pixels.
type box struct{ left, top, right, bottom float64 }

func (a box) meets(b box) bool {
	return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

// names writes names beside dots: right of them or left, where nothing else is.
func (f Frontier) names(b *strings.Builder, offers []Offer, x, y scale) {
	var taken []box
	for _, o := range offers {
		px, py := x.at(o.Price), y.at(o.Speed)
		taken = append(taken, box{px - 6, py - 6, px + 6, py + 6})
	}
	first := slices.Clone(offers)
	slices.SortStableFunc(first, func(a, b Offer) int { return cmp.Compare(min(1, len(a.Class)), min(1, len(b.Class))) })
	for _, o := range first {
		px, py := x.at(o.Price), y.at(o.Speed)
		width := letterWidth * float64(len([]rune(o.Name)))
		for _, side := range []float64{1, -1} {
			at := box{px + 8, py - labelHeight/2, px + 8 + width, py + labelHeight/2}
			anchor := "start"
			if side < 0 {
				at.left, at.right, anchor = px-8-width, px-8, "end"
			}
			if at.left < marginLeft || at.right > float64(f.Width) || slices.ContainsFunc(taken, at.meets) {
				continue
			}
			taken = append(taken, at)
			fmt.Fprintf(b, `<text class="label %s" x="%s" y="%s" text-anchor="%s">%s</text>`, html.EscapeString(o.Class), pixel(px+8*side),
				pixel(py+4), anchor, html.EscapeString(o.Name))
			break
		}
	}
}

package chart

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/property"
)

var update = flag.Bool("update", false, "rewrite golden files")

func ptr(v float64) *float64 { return &v }

// steps is a series with a jump at its end, a boundary from the third point on, and an alert.
func steps() Series {
	s := Series{Name: "BenchmarkDistinct <b>main</b>"}
	for i, y := range []float64{100, 104, 98, 101, 99, 180} {
		q := Point{X: float64(i), Y: y}
		if i >= 2 {
			q.Upper, q.Lower = ptr(115), ptr(85)
		}
		s.Points = append(s.Points, q)
	}
	s.Points[5].Alert, s.Points[5].Href, s.Points[5].Label = "active", "/report?a=1&b=2", `180 ns "over"`
	return s
}

// spreadOut gives all points but the third a spread.
func spreadOut(s Series) Series {
	for i := range s.Points {
		if i != 2 {
			s.Points[i].Low, s.Points[i].High = ptr(s.Points[i].Y*0.9), ptr(s.Points[i].Y*1.1)
		}
	}
	return s
}

func TestGolden(t *testing.T) {
	t.Parallel()
	ns := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) + " ns" }
	for name, p := range map[string]Plot{
		"versions": {Title: "latency", Boundaries: true, FormatY: ns, Series: []Series{steps()}},
		"overlays": {Title: "overlays", Spread: true, FormatY: ns, Series: []Series{spreadOut(steps())},
			Marks:  []Mark{{X: 5, Label: `+80 % <b>`, Href: "/event?a=1&b=2", Class: "up"}, {X: 99, Label: "not visible"}},
			Bands:  []Band{{From: 1, To: 2, Label: `machine "box"`, Class: "machine"}, {From: 7, To: 9, Label: "not visible"}},
			Levels: []Level{{From: 0, To: 4, Y: 100, Label: "before", Class: "before"}, {From: 5, To: 1e9, Y: 200, Label: "accepted"}}},
		"one_point": {Title: "one", Series: []Series{{Name: "a", Points: []Point{{X: 3, Y: 7}}}}},
		"none":      {Title: "none"},
		"zoomed":    {Title: "zoomed", From: ptr(1), To: ptr(3), Series: []Series{steps()}},
		"time":      {Title: "time", Time: true, Series: []Series{{Name: "a", Points: []Point{{X: 1.7e12, Y: 1}, {X: 1.7e12 + 6*3.6e6, Y: 2}}}}},
		"log_two": {Title: "log", LogY: true, Series: []Series{{Name: "a", Points: []Point{{X: 0, Y: 1}, {X: 1, Y: 1000}}},
			{Name: "b", Points: []Point{{X: 0, Y: 10}}}}},
		"same_value": {Title: "flat", Series: []Series{{Name: "a", Points: []Point{{X: 0, Y: 0}, {X: 1, Y: 0}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := p.SVG() + "\n"
			wellFormed(t, got)
			file := filepath.Join("testdata", name+".golden.svg")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.ReplaceAll(string(want), "><", ">\n<"), strings.ReplaceAll(got, "><", ">\n<")); diff != "" {
				t.Errorf("SVG (-want +got):\n%s", diff)
			}
		})
	}
}

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

func wellFormed(t fataler, svg string) {
	t.Helper()
	for dec := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("not well-formed: %v\n%.300s", err, svg)
		}
	}
}

func TestAnyInputGivesWellFormedFiniteSVG(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.Float64Range(-1e12, 1e12), rapid.Float64Range(-1e300, 1e300), rapid.Float64Range(1e12, 1e12+1e-3))
		p := Plot{Title: rapid.StringMatching(`[ -~]*`).Draw(t, "title"), LogY: rapid.Bool().Draw(t, "log"), Time: rapid.Bool().Draw(t, "time"),
			Boundaries: true}
		for range rapid.IntRange(0, 3).Draw(t, "series") {
			s := Series{Name: rapid.StringMatching(`[ -~]*`).Draw(t, "name")}
			x := 0.0
			for range rapid.IntRange(0, 20).Draw(t, "points") {
				x += rapid.Float64Range(0, 1e9).Draw(t, "dx")
				q := Point{X: x, Y: value.Draw(t, "y")}
				if rapid.Bool().Draw(t, "limit") {
					q.Upper = ptr(value.Draw(t, "upper"))
				}
				s.Points = append(s.Points, q)
			}
			p.Series = append(p.Series, s)
		}
		svg := p.SVG()
		wellFormed(t, svg)
		for _, bad := range []string{"NaN", "Inf"} {
			if strings.Contains(strings.ReplaceAll(svg, p.Title, ""), `"`+bad) {
				t.Fatalf("SVG has the coordinate %s", bad)
			}
		}
	})
}

func TestAnAxisIsBoundedWhateverItsValues(t *testing.T) {
	t.Parallel()
	next := func(v float64) float64 { return math.Nextafter(v, math.Inf(1)) }
	for _, row := range [][2]float64{{1e12, next(1e12)}, {-1e12, next(-1e12)}, {1, next(1)}, {1e300, next(1e300)}, {0, 5e-324}, {0, 0},
		{5, 5}, {1e15, 1e15 + 1}, {-1e300, 1e300}} {
		for _, log := range []bool{false, true} {
			if log && row[0] <= 0 {
				continue
			}
			s := newScale(row[0], row[1], 300, 0, log)
			for _, ticks := range [][]float64{s.ticks(5), s.integerTicks(5)} {
				if len(ticks) > maxTicks || !slices.IsSorted(ticks) || len(slices.Compact(slices.Clone(ticks))) != len(ticks) {
					t.Errorf("%v, log %v: %d ticks: %.200v", row, log, len(ticks), ticks)
				}
			}
			if at := s.at(row[0]); math.IsNaN(at) || at < 0 || at > 300 {
				t.Errorf("%v, log %v: the first value is at %v", row, log, at)
			}
		}
	}
}

func TestDecimationKeepsExtremesAndAlerts(t *testing.T) {
	t.Parallel()
	points := make([]Point, 100_000)
	for i := range points {
		points[i] = Point{X: float64(i), Y: math.Sin(float64(i) / 1000)}
	}
	points[12_345].Y = 9
	points[54_321].Alert = "active"
	got := decimate(points, newScale(0, 99_999, 0, 800, false))
	if len(got) > 800*5 {
		t.Errorf("%d points are left of 100,000 on 800 pixels", len(got))
	}
	peak, alert := false, false
	for _, q := range got {
		peak, alert = peak || q.Y == 9, alert || q.Alert != ""
	}
	if !peak || !alert {
		t.Errorf("peak kept: %v, alert kept: %v", peak, alert)
	}
}

func TestTextIsEscaped(t *testing.T) {
	t.Parallel()
	svg := Plot{Title: `"><script>`, Series: []Series{{Name: "<script>alert(1)</script>",
		Points: []Point{{Label: "<img onerror=x>", Href: `"onclick="x`}}}}}.SVG()
	for _, bad := range []string{"<script", "<img", `"onclick=`} {
		if strings.Contains(svg, bad) {
			t.Errorf("SVG holds %s", bad)
		}
	}
}

func BenchmarkTenSeriesOfTenThousand(b *testing.B) {
	p := Plot{Boundaries: true}
	for range 10 {
		s := Series{Name: "s"}
		for i := range 10_000 {
			s.Points = append(s.Points, Point{X: float64(i), Y: math.Sin(float64(i))})
		}
		p.Series = append(p.Series, s)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.SVG()
	}
}

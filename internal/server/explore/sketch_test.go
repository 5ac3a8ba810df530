package explore

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/property"
)

// What a sketch keeps is a part of the line with, in each of its columns, the first, the lowest, the highest and the last point, and the
// newest that are outside; nothing else, and all of it in order, whatever the order in which the points came.
func TestASketchKeepsTheExtremesOfEachColumn(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 9).Draw(t, "columns")
		xs := rapid.SliceOfN(rapid.IntRange(0, 60), 1, 200).Draw(t, "x of the reports")
		slices.Sort(xs)
		var line []spot
		for i := range xs {
			for iteration := range rapid.IntRange(0, 2).Draw(t, "iterations") {
				line = append(line, spot{report: int32(i), iteration: int32(iteration), value: float64(rapid.IntRange(-3, 3).Draw(t, "value")),
					outside: rapid.IntRange(0, 3).Draw(t, "outside") == 0})
			}
		}
		from, to := float64(xs[0]), float64(xs[len(xs)-1])
		if rapid.Bool().Draw(t, "zoomed") {
			from, to = float64(rapid.IntRange(0, 60).Draw(t, "from")), float64(rapid.IntRange(0, 60).Draw(t, "to"))
		}
		x := func(v spot) float64 { return float64(xs[v.report]) }
		var visible []spot
		for _, v := range line {
			if x(v) >= from && x(v) <= to {
				visible = append(visible, v)
			}
		}
		var s sketch
		s.reset(rapid.IntRange(1, 9).Draw(t, "columns of the line before"), 0, 60)
		for _, v := range line {
			s.add(v, x(v))
		}
		s.reset(columns, from, to)
		for _, i := range rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 1)).Perm(len(line)) {
			s.add(line[i], x(line[i]))
		}
		want := visible
		if len(visible) > pointsPerColumn*columns {
			want = nil
			byColumn := map[int][]spot{}
			for _, v := range visible {
				byColumn[s.at(x(v))] = append(byColumn[s.at(x(v))], v)
			}
			for _, points := range byColumn {
				byValue := slices.Clone(points)
				slices.SortStableFunc(byValue, func(a, b spot) int { return int(a.value - b.value) })
				highest := byValue[len(byValue)-1].value
				want = append(want, points[0], points[len(points)-1], byValue[0])
				want = append(want, byValue[slices.IndexFunc(byValue, func(v spot) bool { return v.value == highest })])
				broken := slices.DeleteFunc(points, func(v spot) bool { return !v.outside })
				want = append(want, broken[max(0, len(broken)-outsideKept):]...)
			}
			slices.SortFunc(want, spot.compare)
			want = slices.CompactFunc(want, func(a, b spot) bool { return a == b })
		}
		got := s.kept()
		if len(want)+len(got) > 0 {
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(spot{})); diff != "" {
				t.Fatalf("%d of %d points (-want +got):\n%s", len(got), len(visible), diff)
			}
		}
	})
}

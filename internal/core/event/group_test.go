package event

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/property"
)

// spans makes changes of lines named by a letter: "a 3 5" is a change of line a at one of the versions 3 to 5.
func spans(texts ...string) []Span {
	var out []Span
	for i, text := range texts {
		s := Span{ID: fmt.Sprintf("%02d", i), Weight: 1}
		if _, err := fmt.Sscan(text, &s.Line, &s.First, &s.Last); err != nil {
			panic(err)
		}
		out = append(out, s)
	}
	return out
}

func TestGroup(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spans []Span
		want  []Item
	}{
		"none":        {nil, []Item{}},
		"one":         {spans("a 3 5"), []Item{{3, 5, []string{"00"}}}},
		"overlapping": {spans("a 3 5", "b 5 9", "c 4 6"), []Item{{5, 5, []string{"00", "01", "02"}}}},
		"apart":       {spans("b 9 9", "a 3 5"), []Item{{3, 5, []string{"01"}}, {9, 9, []string{"00"}}}},
		"a chain has no version in all": {spans("a 1 5", "b 4 9", "c 8 13", "d 12 17"),
			[]Item{{4, 5, []string{"00", "01"}}, {12, 13, []string{"02", "03"}}}},
		"most go together": {spans("a 1 5", "b 4 9", "c 8 13", "d 9 10"),
			[]Item{{1, 5, []string{"00"}}, {9, 9, []string{"01", "02", "03"}}}},
		"the same line is another change": {spans("a 3 5", "a 5 6"), []Item{{3, 5, []string{"00"}}, {5, 6, []string{"01"}}}},
		"beside a large one": {spans("a 5 5", "b 5 5", "c 4 6", "d 5 6", "e 6 6"),
			[]Item{{5, 5, []string{"00", "01", "02", "03", "04"}}}},
		"beside a large one, of its lines": {spans("a 5 5", "b 5 5", "c 4 6", "d 5 5", "a 6 6"),
			[]Item{{5, 5, []string{"00", "01", "02", "03"}}, {6, 6, []string{"04"}}}},
		"too far from a large one": {spans("a 5 5", "b 5 5", "c 4 6", "d 5 5", "e 8 8"),
			[]Item{{5, 5, []string{"00", "01", "02", "03"}}, {8, 8, []string{"04"}}}},
		"of many, the furthest is expected further away": {spans("a 5 5", "b 5 5", "c 5 5", "d 5 5", "e 5 5", "f 5 5", "g 5 5", "h 5 5", "i 8 8"),
			[]Item{{5, 5, []string{"00", "01", "02", "03", "04", "05", "06", "07", "08"}}}},
		"but not two of them at one place": {spans("a 5 5", "b 5 5", "c 5 5", "d 5 5", "e 5 5", "f 5 5", "g 5 5", "h 5 5", "i 8 8", "j 8 8"),
			[]Item{{5, 5, []string{"00", "01", "02", "03", "04", "05", "06", "07"}}, {8, 8, []string{"08", "09"}}}},
		"each is as near as its own place is wide": {spans("a 5 5", "b 5 5", "c 5 5", "d 5 5", "e 5 5", "f 5 5", "g 5 5", "h 5 5", "i 8 12",
			"j 12 12"),
			[]Item{{5, 5, []string{"00", "01", "02", "03", "04", "05", "06", "07", "08"}}, {12, 12, []string{"09"}}}},
		"beside one that is not so large": {spans("a 5 5", "b 5 5", "c 4 6", "e 7 7"),
			[]Item{{5, 5, []string{"00", "01", "02"}}, {7, 7, []string{"03"}}}},
	} {
		if diff := cmp.Diff(c.want, Group(c.spans)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestGroupIsAPartitionThatKnowsNoOrder(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 60).Draw(t, "n")
		var all []Span
		for i := range n {
			first := rapid.Int64Range(0, 50).Draw(t, "first")
			all = append(all, Span{ID: fmt.Sprint("c", i), Line: fmt.Sprint("l", rapid.IntRange(0, 20).Draw(t, "line")), First: first,
				Last: first + rapid.Int64Range(0, 9).Draw(t, "width"), Weight: float64(rapid.IntRange(1, 3).Draw(t, "weight"))})
		}
		items := Group(all)
		mixed := slices.Clone(all)
		rand.New(rand.NewPCG(uint64(n), 1)).Shuffle(n, func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		if diff := cmp.Diff(items, Group(mixed)); diff != "" {
			t.Fatalf("another order (-first +second):\n%s", diff)
		}
		of := map[string]Span{}
		for _, s := range all {
			of[s.ID] = s
		}
		met := 0
		for _, item := range items {
			if item.First > item.Last {
				t.Fatalf("an item from %d to %d", item.First, item.Last)
			}
			lines := map[string]bool{}
			for _, m := range item.Members {
				s := of[m]
				if met++; lines[s.Line] {
					t.Fatalf("line %s is twice in %v", s.Line, item)
				}
				lines[s.Line] = true
				// A member holds all of the item's place, or is as near as the furthest of so many are expected to be.
				if d := max(s.First-item.Last, item.First-s.Last, 0); float64(d) > reach(s, len(item.Members), 1) && d > 0 {
					t.Fatalf("change %v is %d versions from %v", s, d, item)
				}
			}
		}
		if met != n {
			t.Fatalf("%d of %d changes are in items", met, n)
		}
	})
}

// TestOneCauseIsOneEvent: 300 lines that changed with one commit, each placed as well as the detector does (six of seven exactly within).
func TestOneCauseIsOneEvent(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 7))
	var all []Span
	for i := range 300 {
		first, last := 50-int64(r.IntN(3)), 50+int64(r.IntN(3))
		if r.IntN(7) == 0 {
			first, last = 51, 51+int64(r.IntN(2))
		}
		all = append(all, Span{ID: fmt.Sprintf("%03d", i), Line: fmt.Sprint(i), First: first, Last: last, Weight: 1})
	}
	items := Group(all)
	if len(items) != 1 || items[0].First > 50 || items[0].Last < 50 {
		t.Errorf("want one event at 50, got %d: %v %v", len(items), items[0].First, items[0].Last)
	}
}

func TestMatchKeepsEvents(t *testing.T) {
	t.Parallel()
	of := map[string]string{"a": "e1", "b": "e1", "c": "e1", "d": "e2", "x": "e9"}
	for name, c := range map[string]struct {
		items []Item
		want  []string
	}{
		"nothing new":             {[]Item{{Members: []string{"a", "b", "c"}}, {Members: []string{"d"}}}, []string{"e1", "e2"}},
		"a new one":               {[]Item{{Members: []string{"n"}}, {Members: []string{"d", "m"}}}, []string{"", "e2"}},
		"it fell into two":        {[]Item{{Members: []string{"a"}}, {Members: []string{"b", "c"}}}, []string{"", "e1"}},
		"two became one":          {[]Item{{Members: []string{"a", "d"}}}, []string{"e1"}},
		"two became one, by size": {[]Item{{Members: []string{"a", "d", "x"}}}, []string{"e1"}},
	} {
		if diff := cmp.Diff(c.want, Match(c.items, of)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

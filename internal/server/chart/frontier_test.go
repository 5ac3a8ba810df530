package chart

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/property"
)

func TestOffersAndLanesGolden(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	for name, svg := range map[string]string{
		"frontier": Frontier{Title: "speed <b>", NameX: "dollars an hour", NameY: "speed", Offers: []Offer{
			{Name: "slow", Price: 0.03, Speed: 0.3, Lower: 0.25, Upper: 0.35, Label: `3 machines, "slow"`},
			{Name: "fast & dear", Price: 0.05, Speed: 1, Lower: 0.97, Upper: 1.03},
			{Name: "bad", Price: 0.09, Speed: 0.8, Lower: nan, Upper: nan, Class: "dominated"},
			{Name: "beside the bad one", Price: 0.0901, Speed: 0.801, Lower: 0.7, Upper: 0.9, Class: "probably"},
			{Name: "free", Price: 0, Speed: 1}}}.SVG(),
		"frontier_none": Frontier{Title: "none", Offers: []Offer{{Name: "free", Speed: 1}}}.SVG(),
		"strips": Strips{Title: "one benchmark", Lanes: []Strip{
			{Name: "a", Dots: []float64{1, 1.1, 0.9, nan}, Bars: []float64{1.05, 0.9}, Lower: 0.2, Upper: 40, Label: "a: 1"},
			{Name: "a type whose name is longer than there is room <for>", Dots: []float64{2}, Lower: nan, Upper: nan}, {Name: "empty"}}}.SVG(),
		"strips_none": Strips{Title: "none"}.SVG(),
	} {
		wellFormed(t, svg)
		file, got := filepath.Join("testdata", name+".golden.svg"), svg+"\n"
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
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestAnyOffersAndLanesAreWellFormedAndFinite: no coordinate is NaN or infinite, whatever comes.
func TestAnyOffersAndLanesAreWellFormedAndFinite(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.Float64Range(0, 10), rapid.Float64Range(-1e300, 1e300), rapid.Float64Range(1e-300, 1e-290),
			rapid.Just(math.NaN()), rapid.Just(math.Inf(1)), rapid.Just(0.0))
		text := rapid.StringMatching(`[ -~]*`)
		var f Frontier
		var s Strips
		for range rapid.IntRange(0, 12).Draw(t, "n") {
			f.Offers = append(f.Offers, Offer{Name: text.Draw(t, "name"), Price: value.Draw(t, "price"), Speed: value.Draw(t, "speed"),
				Lower: value.Draw(t, "lower"), Upper: value.Draw(t, "upper")})
			s.Lanes = append(s.Lanes, Strip{Name: text.Draw(t, "lane"), Dots: rapid.SliceOfN(value, 0, 5).Draw(t, "dots"),
				Bars: rapid.SliceOfN(value, 0, 3).Draw(t, "bars"), Lower: value.Draw(t, "from"), Upper: value.Draw(t, "to")})
		}
		for _, svg := range []string{f.SVG(), s.SVG()} {
			wellFormed(t, svg)
			for _, bad := range []string{`="NaN`, `="+Inf`, `="-Inf`, "MNaN", "M+Inf", "M-Inf"} {
				if strings.Contains(svg, bad) {
					t.Fatalf("a coordinate begins with %s: %s", bad, svg)
				}
			}
		}
	})
}

// TestNamesDoNotLieOnEachOther: of offers that lie at one place one name is written, the one on the frontier.
func TestNamesDoNotLieOnEachOther(t *testing.T) {
	t.Parallel()
	f := Frontier{Offers: []Offer{{Name: "first", Price: 1, Speed: 1, Class: "dominated"}, {Name: "second", Price: 1, Speed: 1.0001},
		{Name: "third", Price: 1, Speed: 1.0002, Class: "dominated"}, {Name: "far", Price: 5, Speed: 9}}}
	svg := f.SVG()
	if !strings.Contains(svg, ">second</text>") || !strings.Contains(svg, ">far</text>") || strings.Contains(svg, ">third</text>") {
		t.Error(svg)
	}
}

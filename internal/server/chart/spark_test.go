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

func TestSmallOnesGolden(t *testing.T) {
	t.Parallel()
	for name, svg := range map[string]string{
		"spark":          Spark{Title: `of <b>"x"</b>`, Values: []float64{10, 11, 10, 14, 15}, Change: 3, Class: "up"}.SVG(),
		"spark_flat":     Spark{Title: "flat", Values: []float64{1, 1}}.SVG(),
		"spark_nothing":  Spark{Title: "nothing"}.SVG(),
		"sides":          Sides{Title: "before <and> after", Before: []float64{1, 1.1}, After: []float64{2}, Class: "down"}.SVG(),
		"sides_one_side": Sides{Title: "after only", After: []float64{2, math.NaN()}}.SVG(),
	} {
		wellFormed(t, svg)
		file := filepath.Join("testdata", name+".golden.svg")
		if *update {
			if err := os.WriteFile(file, []byte(svg+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), svg+"\n"); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAnySmallOneIsWellFormedAndInsideItsBox(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.MaxFloat64,
			-math.MaxFloat64, 0}))).Draw(t, "values")
		change := rapid.IntRange(0, 20).Draw(t, "change")
		for _, svg := range []string{Spark{Values: values, Change: change}.SVG(),
			Sides{Before: values[:min(change, len(values))], After: values[min(change, len(values)):]}.SVG()} {
			wellFormed(t, svg)
			for _, bad := range []string{"NaN", "Inf", `="-`} {
				if strings.Contains(svg, bad) {
					t.Fatalf("it has %s: %s", bad, svg)
				}
			}
		}
	})
}

package change

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// vector is the worked example of the detector: each step's number, computed by other means.
type vector struct {
	Y             []float64 `json:"y"`
	Sigma         float64   `json:"sigma_diff"`
	Left, Right   [2]float64
	T             float64 `json:"t"`
	Bar           float64 `json:"crit"`
	Propose       float64 `json:"penalty_propose"`
	Schwarz       float64 `json:"penalty_schwarz"`
	Changes       []int   `json:"change_points"`
	Rho           float64
	F             float64
	MeanOfSquares float64 `json:"S_k_with_change"`
}

func TestEachStepGivesTheNumbersOfTheVector(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vector
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	check := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 5e-8*math.Abs(want) {
			t.Errorf("%s: %.9g, want %.9g", what, got, want)
		}
	}
	w := new(workspace)
	w.load(v.Y)
	z, n := w.z, len(v.Y)
	sigma := w.noiseOf(z, 0)
	check("σ", sigma, v.Sigma)
	left, right := w.levelOf(z[:7], sigma), w.levelOf(z[7:], sigma)
	check("left mean", left.mean+math.Log(v.Y[0]), v.Left[0])
	check("left variance", left.variance, v.Left[1])
	check("right mean", right.mean+math.Log(v.Y[0]), v.Right[0])
	check("right variance", right.variance, v.Right[1])
	check("t", statistic(left, right, sigma), v.T)
	check("bar", bar(n), v.Bar)
	check("penalty of a proposal", proposalCost(n)*sigma*sigma, v.Propose)
	check("penalty of a choice", float64(Normal)*math.Log(float64(n)), v.Schwarz)
	starts := slices.Clone(w.propose(z, sigma))
	if !slices.Equal(starts, v.Changes) {
		t.Fatalf("proposed %v, want %v", starts, v.Changes)
	}
	bound := w.residualBound(z, starts, sigma)
	chosen := w.choose(z, starts, sigma, bound, float64(Normal))
	if !slices.Equal(chosen, v.Changes) {
		t.Fatalf("chosen %v, want %v", chosen, v.Changes)
	}
	w.segments.reset(z, chosen)
	check("S", (w.segments.squares(0, 7, sigma, bound)+w.segments.squares(7, n, sigma, bound))/float64(n), v.MeanOfSquares)
	rho, f := w.correlation(z, chosen, sigma, bound)
	check("ρ", rho, v.Rho)
	check("f", f, v.F)
	r := find(t, v.Y)
	if got := indexes(r); !slices.Equal(got, v.Changes) {
		t.Errorf("changes %v, want %v", got, v.Changes)
	}
}

// TestARealSeriesHasTheChangesThatItsPeopleNamed plays the series of TigerBeetle that Otava is tested with. Its tests find changes at 15
// and 71 with each of their settings, and a few of the others with each setting that reports small ones.
func TestARealSeriesHasTheChangesThatItsPeopleNamed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/tigerbeetle.json")
	if err != nil {
		t.Fatal(err)
	}
	var series struct {
		Values      []float64
		Sure, Small []int
	}
	if err := json.Unmarshal(text, &series); err != nil {
		t.Fatal(err)
	}
	got := indexes(find(t, series.Values))
	near := func(at int, places []int) bool {
		return slices.ContainsFunc(places, func(p int) bool { return max(p-at, at-p) <= 5 })
	}
	for _, at := range series.Sure {
		if !near(at, got) {
			t.Errorf("changes %v, want one at %d", got, at)
		}
	}
	for _, at := range got {
		if !near(at, series.Sure) && !near(at, series.Small) {
			t.Errorf("changes %v: none near %d is known", got, at)
		}
	}
}

// find is Detect with the default Params.
func find(t interface {
	Helper()
	Fatal(...any)
}, values []float64) Result {
	t.Helper()
	r, err := Detect(values, Params{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func indexes(r Result) (at []int) {
	for _, c := range r.Changes {
		at = append(at, c.Index)
	}
	return at
}

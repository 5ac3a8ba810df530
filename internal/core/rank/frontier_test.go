package rank

import (
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/core/stats"
)

// table reads a CSV file without its first line.
func table(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// twoProcesses are the seven types with the mean over both processes of each machine, of benchmarks that take 50 ms everywhere.
func twoProcesses(t *testing.T) (out []Machine) {
	t.Helper()
	rows := table(t, "testdata/ruby_bench_processes.csv")
	short := map[string]bool{}
	for _, row := range rows {
		if min(number(t, row[3]), number(t, row[4])) < 50 {
			short[row[2]] = true
		}
	}
	place := map[string]int{}
	for _, row := range rows {
		if short[row[2]] {
			continue
		}
		key := row[0] + " " + row[1]
		if _, seen := place[key]; !seen {
			place[key] = len(out)
			out = append(out, Machine{Kind: row[0], Name: row[1], Means: map[string]float64{}})
		}
		out[place[key]].Means[row[2]] = (number(t, row[3]) + number(t, row[4])) / 2
	}
	return out
}

func sheet(t *testing.T) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for _, row := range table(t, "testdata/prices.csv") {
		out[row[0]] = number(t, row[1])
	}
	return out
}

// TestRanksAreRangesAndSomeAreABadBuy has the reference of real captures: 38 benchmarks, 21 machines, list prices.
func TestRanksAreRangesAndSomeAreABadBuy(t *testing.T) {
	t.Parallel()
	r := Machines(twoProcesses(t), Options{})
	if len(r.Common) != 38 || len(r.LeftOut) != 0 {
		t.Fatalf("%d benchmarks, left out %v", len(r.Common), r.LeftOut)
	}
	var got []string
	for _, k := range r.Kinds {
		got = append(got, fmt.Sprintf("%s %d–%d", k.Name, k.Best, k.Worst))
	}
	want := []string{"c8a-medium 1–1", "c8i-large 2–3", "c7i-large 2–5", "c7a-medium 3–4", "c8g-medium 4–5", "c7g-medium 6–6",
		"c6g-medium 7–7"}
	slices.Sort(got)
	slices.Sort(want) // c7i and c7a have no order
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	offers, unpriced := r.Offers(sheet(t), false)
	var dominated, frontier []string
	for _, o := range offers {
		if o.Domination == Dominated {
			dominated = append(dominated, r.Kinds[o.Kind].Name+" by "+r.Kinds[o.By].Name)
		} else if o.Domination == NotDominated {
			frontier = append(frontier, r.Kinds[o.Kind].Name)
		}
	}
	slices.Sort(dominated)
	if want := []string{"c7i-large by c8a-medium", "c8i-large by c8a-medium"}; !slices.Equal(dominated, want) || len(unpriced) != 0 {
		t.Errorf("dominated: %v, want %v; unpriced %v", dominated, want, unpriced)
	}
	if want := []string{"c6g-medium", "c7g-medium", "c8g-medium", "c7a-medium", "c8a-medium"}; !slices.Equal(frontier, want) {
		t.Errorf("frontier %v, want %v", frontier, want)
	}
}

// TestNoOrderIsMadeUp: seven kinds of three machines with the variances of the real ones and no difference at all. Anything is separated in
// at most 5 % of 2,000 rankings, and the intervals hold the truth in at least 93 %.
func TestNoOrderIsMadeUp(t *testing.T) {
	t.Parallel()
	const draws = 2_000
	var sds []float64
	for _, k := range Machines(twoProcesses(t), Options{}).Kinds {
		sds = append(sds, k.SD)
	}
	random := rand.New(rand.NewPCG(11, 10))
	separated, held := 0, 0
	for range draws {
		var all []Machine
		for i, sd := range sds {
			for n := range 3 {
				mean := math.Exp(sd * random.NormFloat64())
				all = append(all, Machine{Kind: fmt.Sprint(i), Name: fmt.Sprint(n), Means: map[string]float64{"x": mean}})
			}
		}
		r := Machines(all, Options{})
		if slices.ContainsFunc(r.Kinds, func(k Kind) bool { return k.Best > 1 || k.Worst < len(r.Kinds) }) {
			separated++
		}
		for _, k := range r.Kinds {
			if k.Lower <= 1 && 1 <= k.Upper {
				held++
			}
		}
	}
	wrong, coverage := float64(separated)/draws, float64(held)/(draws*float64(len(sds)))
	t.Logf("anything separated in %.2f %% of rankings, coverage %.2f %%", 100*wrong, 100*coverage)
	if wrong > 0.05 || coverage < 0.93 {
		t.Errorf("anything separated in %.2f %% of rankings, coverage %.2f %%", 100*wrong, 100*coverage)
	}
}

func TestAKindWithOneMachineDominatesNobody(t *testing.T) {
	t.Parallel()
	r := Machines(slices.Concat(machines("one", 1), machines("slow", 2, 2.02, 1.98), machines("slower", 3, 3.02, 2.98)), Options{})
	offers, unpriced := r.Offers(map[string]float64{"one": 1, "slow": 2, "slower": 2, "absent": 5}, false)
	var got []string
	for _, o := range offers {
		got = append(got, fmt.Sprintf("%s %s %d", r.Kinds[o.Kind].Name, o.Domination, o.By))
	}
	if want := []string{"one  -1", "slow  -1", "slower dominated 1"}; !slices.Equal(got, want) || unpriced != nil {
		t.Errorf("%q, want %q; unpriced %v", got, want, unpriced)
	}
	if !math.IsNaN(offers[0].Lower) || !math.IsNaN(offers[0].Chance) || math.Abs(offers[1].Cost-2*r.Kinds[1].Mean) > 1e-9 {
		t.Errorf("%+v", offers)
	}
	_, unpriced = r.Offers(map[string]float64{"one": math.Inf(1), "slow": -1}, false)
	if !slices.Equal(unpriced, []string{"one", "slow", "slower"}) {
		t.Errorf("unpriced %v", unpriced)
	}
}

// TestMoreWorkForTheMoney: where larger means are better, a dollar buys mean ÷ price.
func TestMoreWorkForTheMoney(t *testing.T) {
	t.Parallel()
	r := Machines(slices.Concat(machines("a", 100, 101, 99), machines("b", 50, 51, 49)), Options{Higher: true})
	offers, _ := r.Offers(map[string]float64{"a": 2, "b": 2}, true)
	if a := offers[0]; r.Kinds[a.Kind].Name != "a" || a.Domination != NotDominated || !(a.Lower < a.Cost && a.Cost < a.Upper) {
		t.Errorf("%+v", a)
	}
	if b := offers[1]; b.Domination != Dominated || b.Chance < 0.95 || b.Cost < 1.9*offers[0].Cost {
		t.Errorf("%+v", b)
	}
}

// TestConsistencyHasAnInterval: it holds the true deviation in 95 % of samples.
func TestConsistencyHasAnInterval(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(4, 2))
	held := 0
	for range 2_000 {
		xs := make([]float64, 3)
		for i := range xs {
			xs[i] = 0.03 * random.NormFloat64()
		}
		if lower, upper := stats.SDInterval(stats.SampleSD(xs), len(xs), 0.95); lower <= 0.03 && 0.03 <= upper {
			held++
		}
	}
	if held < 1_880 || held > 1_920 {
		t.Errorf("held in %d of 2,000", held)
	}
	if lower, upper := stats.SDInterval(1, 3, 0.95); math.Abs(lower-0.5207) > 1e-3 || math.Abs(upper-6.2847) > 1e-3 {
		t.Errorf("of three values from %g to %g times it", lower, upper)
	}
	if lower, _ := stats.SDInterval(1, 1, 0.95); !math.IsNaN(lower) {
		t.Error("one value has no deviation")
	}
}

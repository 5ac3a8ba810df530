package rank

import (
	"encoding/csv"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func rubyBench(t *testing.T) (out []Machine) {
	t.Helper()
	f, err := os.Open("testdata/ruby_bench.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	place := map[string]int{}
	for _, row := range rows[1:] {
		key := row[0] + " " + row[1]
		at, seen := place[key]
		if !seen {
			at = len(out)
			place[key] = at
			out = append(out, Machine{Kind: row[0], Name: row[1], Means: map[string]float64{}})
		}
		if out[at].Means[row[2]], err = strconv.ParseFloat(row[3], 64); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestCloudMachinesAreRankedByMachine has the figures of seven instance types with three machines each.
func TestCloudMachinesAreRankedByMachine(t *testing.T) {
	t.Parallel()
	r := Machines(rubyBench(t), Options{})
	var got []string
	for _, k := range r.Kinds {
		got = append(got, fmt.Sprintf("%d %s %.1f %.4f %s", k.Place, k.Name, k.Mean, k.SD, k.Letters))
	}
	want := []string{"1 c8a-medium 105.6 0.0098 a", "2 c8i-large 131.0 0.0026 b", "2 c7i-large 154.6 0.0640 bcd",
		"4 c7a-medium 155.8 0.0124 c",
		"5 c8g-medium 185.3 0.0253 d", "6 c7g-medium 271.9 0.0546 e", "7 c6g-medium 388.8 0.0098 f"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(r.Common) != 53 || len(r.LeftOut) != 0 {
		t.Errorf("%d common benchmarks, left out %v", len(r.Common), r.LeftOut)
	}
	adjusted := map[string]string{}
	for _, p := range r.Pairs {
		if !p.Separable {
			adjusted[r.Kinds[p.A].Name+" "+r.Kinds[p.B].Name] = fmt.Sprintf("%.2g", p.Adjusted)
		}
	}
	if want := map[string]string{"c7i-large c7a-medium": "0.86", "c8i-large c7i-large": "0.092", "c7i-large c8g-medium": "0.08"}; !maps.Equal(
		adjusted, want) {
		t.Errorf("not separable, with p by Holm: %v, want %v", adjusted, want)
	}
}

func machines(kind string, values ...float64) (out []Machine) {
	for i, v := range values {
		out = append(out, Machine{Kind: kind, Name: fmt.Sprint(i), Means: map[string]float64{"x": v, "y": 2 * v}})
	}
	return out
}

func TestOneMachineHasNoInterval(t *testing.T) {
	t.Parallel()
	r := Machines(slices.Concat(machines("a", 1), machines("b", 2, 2.01, 1.99)), Options{})
	if k := r.Kinds[0]; k.Name != "a" || !math.IsNaN(k.Lower) || !math.IsNaN(k.SD) || k.Letters != "a" || r.Kinds[1].Letters != "a" {
		t.Errorf("%+v: one host cannot be told from others", r.Kinds)
	}
	if r.Kinds[1].Place != 1 || r.Pairs[0].Separable || !math.IsNaN(r.Pairs[0].P) {
		t.Errorf("%+v %+v", r.Kinds, r.Pairs)
	}
}

func TestWhatAMachineLacksIsListed(t *testing.T) {
	t.Parallel()
	all := slices.Concat(machines("a", 1, 1.01), machines("b", 2, 2.02))
	all[1].Means["z"] = 5
	delete(all[2].Means, "y")
	all[0].Means["failed"] = 0
	r := Machines(all, Options{})
	if !slices.Equal(r.Common, []string{"x"}) || !slices.Equal(r.LeftOut, []string{"failed", "y", "z"}) {
		t.Errorf("common %v, left out %v", r.Common, r.LeftOut)
	}
	delete(all[3].Means, "x")
	if r := Machines(all, Options{}); len(r.Kinds) != 0 || len(r.LeftOut) != 4 {
		t.Errorf("without a common benchmark: %+v", r)
	}
	if r := Machines(nil, Options{}); len(r.Kinds) != 0 {
		t.Errorf("of nothing: %+v", r)
	}
}

func TestPricesAndDirection(t *testing.T) {
	t.Parallel()
	all := slices.Concat(machines("fast", 1, 1.01, .99), machines("cheap", 2, 2.02, 1.98), machines("free", 3, 3.01, 2.99))
	r := Machines(all, Options{Price: map[string]float64{"fast": 10, "cheap": 1, "free": 0}})
	if len(r.Kinds) != 2 || r.Kinds[0].Name != "cheap" || !slices.Equal(r.Unpriced, []string{"free"}) {
		t.Errorf("%+v", r)
	}
	if r := Machines(all, Options{Higher: true}); r.Kinds[0].Name != "free" {
		t.Errorf("larger is better: %+v", r.Kinds)
	}
	if r := Machines(all, Options{Higher: true, Price: map[string]float64{"fast": 10, "cheap": 1, "free": 1}}); r.Kinds[2].Name != "fast" {
		t.Errorf("throughput for the money: %+v", r.Kinds)
	}
}

// TestEqualMachinesAreSeldomSeparated: of six kinds that do not differ any two are separated in 1 of 20 rankings at most.
func TestEqualMachinesAreSeldomSeparated(t *testing.T) {
	t.Parallel()
	const rounds = 1_000
	r := rand.New(rand.NewPCG(1, 3))
	wrong := 0
	for range rounds {
		var all []Machine
		for kind := range 6 {
			all = append(all, machines(fmt.Sprint(kind), math.Exp(.03*r.NormFloat64()), math.Exp(.03*r.NormFloat64()),
				math.Exp(.03*r.NormFloat64()), math.Exp(.03*r.NormFloat64()))...)
		}
		if slices.ContainsFunc(Machines(all, Options{}).Pairs, func(p Pair) bool { return p.Separable }) {
			wrong++
		}
	}
	if limit := rounds * .05; float64(wrong) > limit+3*math.Sqrt(limit) {
		t.Errorf("separated in %d of %d rankings", wrong, rounds)
	}
}

// TestKindsShareALetterExactlyIfTheyAreNotSeparable is what letters mean.
func TestKindsShareALetterExactlyIfTheyAreNotSeparable(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(8, 3))
	for range 300 {
		var all []Machine
		for kind := range 7 {
			base := math.Exp(.1 * r.NormFloat64())
			for range 3 {
				all = append(all, machines(fmt.Sprint(kind), base*math.Exp(.02*r.ExpFloat64()))...)
			}
		}
		got := Machines(all, Options{})
		for _, p := range got.Pairs {
			if share := strings.ContainsAny(got.Kinds[p.A].Letters, got.Kinds[p.B].Letters); share == p.Separable {
				t.Fatalf("%s and %s: separable is %v, letters %q and %q", got.Kinds[p.A].Name, got.Kinds[p.B].Name, p.Separable,
					got.Kinds[p.A].Letters, got.Kinds[p.B].Letters)
			}
		}
	}
	var more []Machine
	for kind := range LettersAtMost + 1 {
		more = append(more, machines(fmt.Sprint(kind), 1, 1.1)...)
	}
	if k := Machines(more, Options{}).Kinds[0]; k.Letters != "" || k.Worst != LettersAtMost+1 {
		t.Errorf("of more kinds than letters: %+v", k)
	}
	if a, b, c := letterOf(0), letterOf(25), letterOf(26); a != "a" || b != "z" || c != "a'" {
		t.Errorf("letters %s, %s, %s", a, b, c)
	}
	if n := MachinesNeeded(.02, .05); n < 3 || n > 6 {
		t.Errorf("%d machines", n)
	}
}

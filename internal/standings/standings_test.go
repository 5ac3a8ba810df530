package standings

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func table(t *testing.T, path string) [][]string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

func float(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// seven is the sweep of real captures: seven types, three machines each, two processes on each, 39 benchmarks.
func seven(t *testing.T) Sweep {
	t.Helper()
	s := Sweep{Title: "ruby-bench on seven kinds", Suite: "ruby-bench", Measure: "latency", Unit: "ms",
		Started: time.Date(2025, 12, 9, 10, 0, 0, 0, time.UTC), Facts: []Fact{{Name: "captures", Value: "2025-12-09"}}}
	for _, row := range table(t, "../core/rank/testdata/prices.csv") {
		s.Types = append(s.Types, Type{Name: row[0], Wanted: 3,
			Price: &Price{PerHour: float(t, row[1]), Date: "2026-07-22", Source: "cloudspecs"}})
	}
	for _, row := range table(t, "../core/rank/testdata/ruby_bench_processes.csv") {
		for repeat := range 2 {
			s.Processes = append(s.Processes, Process{Type: row[0], Machine: row[0] + "-" + row[1], Workload: "yjit", Repeat: repeat + 1,
				Place: repeat + 1, Benchmark: row[2], Value: float(t, row[3+repeat])})
		}
	}
	return s
}

func build(t *testing.T, s Sweep) *Report {
	t.Helper()
	r, err := Build(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func row(t *testing.T, r *Report, name string) Row {
	t.Helper()
	for _, row := range r.Rows {
		if row.Name == name {
			return row
		}
	}
	t.Fatalf("%s is not in the table", name)
	return Row{}
}

func TestRealCapturesBecomeStandings(t *testing.T) {
	t.Parallel()
	r := build(t, seven(t))
	if len(r.Benchmarks) != 39 || len(r.LeftOut) != 0 || len(r.Rows) != 7 || len(r.Skipped) != 0 {
		t.Fatalf("%d benchmarks, left out %v, %d types", len(r.Benchmarks), r.LeftOut, len(r.Rows))
	}
	if best := row(t, r, "c8a-medium"); best.Best != 1 || best.Worst != 1 || best.Relative != 1 || best.Machines != 3 || best.Processes != 6 {
		t.Errorf("%+v", best)
	}
	for _, name := range []string{"c7i-large", "c8i-large"} {
		if bad := row(t, r, name); bad.Domination != "dominated" || bad.By != "c8a-medium" || *bad.Chance < 0.95 {
			t.Errorf("%+v", bad)
		}
	}
	if !slices.ContainsFunc(r.Ties, func(t Tie) bool {
		return t.A == "c7i-large" && t.B == "c7a-medium" || t.A == "c7a-medium" && t.B == "c7i-large"
	}) {
		t.Errorf("c7i and c7a have no order, ties are %+v", r.Ties)
	}
}

// TestASuspectMachineCountsOnlyBeside: its values are in no mean, and what ranks would be with it is said.
func TestASuspectMachineCountsOnlyBeside(t *testing.T) {
	t.Parallel()
	s := seven(t)
	for i := range s.Processes {
		if s.Processes[i].Machine == "c8a-medium-1" {
			s.Processes[i].Value *= 10
		}
	}
	wrong := row(t, build(t, s), "c8a-medium")
	i := slices.IndexFunc(s.Types, func(t Type) bool { return t.Name == "c8a-medium" })
	s.Types[i].Suspect = map[string]string{"c8a-medium-1": "two workloads are far off"}
	r := build(t, s)
	right := row(t, r, "c8a-medium")
	if right.Best != 1 || right.Machines != 2 || right.Wanted != 3 || right.WorstAll <= right.Worst || wrong.Worst == 1 {
		t.Errorf("without it %+v, with it %+v", right, wrong)
	}
	if len(r.Suspects) != 1 || !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "suspect") }) {
		t.Errorf("%+v, notes %q", r.Suspects, r.Notes)
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	s := seven(t)
	s.Types = append(s.Types, Type{Name: "broken", Wanted: 3, Skipped: "none to be had in any zone until 12:00"},
		Type{Name: "odd", Wanted: 1})
	s.Processes = slices.DeleteFunc(s.Processes, func(p Process) bool { return p.Machine == "c6g-medium-2" && p.Benchmark == "mail" })
	r := build(t, s)
	if len(r.LeftOut) != 1 || r.LeftOut[0].Benchmark != "mail" || !slices.Equal(r.LeftOut[0].Types, []string{"c6g-medium"}) {
		t.Errorf("left out %+v", r.LeftOut)
	}
	if row(t, r, "c6g-medium").Missing != 1 || row(t, r, "c8a-medium").Missing != 0 {
		t.Errorf("%+v", r.Rows)
	}
	if len(r.Skipped) != 2 || r.Skipped[0] != (Skipped{Name: "broken", Reason: "none to be had in any zone until 12:00"}) {
		t.Errorf("skipped %+v", r.Skipped)
	}
}

func TestWorkloadsAreNeverMixed(t *testing.T) {
	t.Parallel()
	s := Sweep{Title: "two", Measure: "latency", Unit: "ms", Types: []Type{{Name: "a"}, {Name: "b"}}}
	for _, machine := range []string{"a1", "a2", "b1", "b2"} {
		for _, workload := range []string{"interp", "jit"} {
			s.Processes = append(s.Processes, Process{Type: machine[:1], Machine: machine, Workload: workload, Repeat: 1, Benchmark: "x", Value: 2})
		}
	}
	if r := build(t, s); !slices.Equal(r.Benchmarks, []string{"interp / x", "jit / x"}) || r.Rows[0].Processes != 4 {
		t.Errorf("%q, %+v", r.Benchmarks, r.Rows)
	}
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	good := func() Sweep {
		return Sweep{Types: []Type{{Name: "a"}, {Name: "b"}}, Processes: []Process{{Type: "a", Machine: "m", Benchmark: "x", Value: 1}}}
	}
	for name, change := range map[string]func(*Sweep){
		"a type that the sweep does not have": func(s *Sweep) { s.Processes[0].Type = "c" },
		"zero":                                func(s *Sweep) { s.Processes[0].Value = 0 },
		"not a number":                        func(s *Sweep) { s.Processes[0].Value = math.NaN() },
		"infinity":                            func(s *Sweep) { s.Processes[0].Value = math.Inf(1) },
		"two types of one name":               func(s *Sweep) { s.Types[1].Name = "a" },
		"a machine of two types": func(s *Sweep) {
			s.Processes = append(s.Processes, Process{Type: "b", Machine: "m", Benchmark: "x", Value: 1})
		},
	} {
		s := good()
		change(&s)
		if _, err := Build(s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Build(good()); err != nil {
		t.Error(err)
	}
	if r := build(t, Sweep{}); len(r.Rows) != 0 || len(r.Notes) != 1 {
		t.Errorf("of nothing: %+v", r)
	}
}

// TestTheOrderOfProcessesIsNothing: the same processes in another order are the same report.
func TestTheOrderOfProcessesIsNothing(t *testing.T) {
	t.Parallel()
	s := seven(t)
	want, err := json.Marshal(build(t, s))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(s.Processes), func(i, j int) { s.Processes[i], s.Processes[j] = s.Processes[j], s.Processes[i] })
	got, err := json.Marshal(build(t, s))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestThePageNeedsNothingAndEscapesAll: names come from other people's files.
func TestThePageNeedsNothingAndEscapesAll(t *testing.T) {
	t.Parallel()
	const bad = `<script>alert("x")</script>`
	s := Sweep{Title: bad, Suite: bad, Measure: bad, Unit: bad, Facts: []Fact{{Name: bad, Value: bad}},
		Types: []Type{{Name: bad, CPU: bad, Price: &Price{PerHour: 1, Date: bad, Source: bad}, Suspect: map[string]string{"m3": bad}},
			{Name: "other", Price: &Price{PerHour: 2, Date: "", Source: ""}},
			{Name: "skipped" + bad, Skipped: bad}}}
	for i, m := range []string{"m1", "m2", "m3", "n1", "n2"} {
		p := Process{Type: bad, Machine: m, Workload: bad, Benchmark: bad, Value: 1 + float64(i)/100}
		if m[0] == 'n' {
			p.Type, p.Value = "other", 5+float64(i)
		}
		s.Processes = append(s.Processes, p)
	}
	var page bytes.Buffer
	if err := build(t, s).WritePage(&page); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	if strings.Contains(text, "<script") || strings.Count(text, html.EscapeString(bad)) < 10 {
		t.Errorf("not escaped:\n%.3000s", text)
	}
	for _, outside := range []string{"src=", "@import", "url(", "href="} {
		if strings.Contains(text, outside) {
			t.Errorf("the page has %q", outside)
		}
	}
}

func TestCSVHasARowForEachProcess(t *testing.T) {
	t.Parallel()
	s := seven(t)
	s.Types[0].Suspect = map[string]string{s.Types[0].Name + "-2": "off"}
	var out bytes.Buffer
	if err := build(t, s).WriteCSV(&out); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != len(s.Processes)+1 {
		t.Fatalf("%d rows of %d processes: %v", len(rows)-1, len(s.Processes), err)
	}
	if got := strings.Join(rows[0], " "); got != "type machine suspect workload repeat place benchmark measure unit value" {
		t.Error(got)
	}
	if n := len(slices.DeleteFunc(rows[1:], func(row []string) bool { return row[2] != "off" })); n != 2*39 {
		t.Errorf("%d rows of the suspect machine", n)
	}
}

// many is a sweep of so many types and benchmarks, three machines of each with two processes.
func many(types, benchmarks int) Sweep {
	r := rand.New(rand.NewPCG(uint64(types), 5))
	s := Sweep{Title: fmt.Sprintf("%d types", types), Suite: "ruby-bench", Measure: "latency", Unit: "ms"}
	for i := range types {
		name, speed := fmt.Sprintf("m%d.%dxlarge", i%9+1, i/9+1), math.Exp(0.35*r.NormFloat64())
		price := &Price{PerHour: 0.06 / speed * math.Exp(0.3*r.NormFloat64()), Date: "2026-07-22", Source: "cloudspecs"}
		s.Types = append(s.Types, Type{Name: name, CPU: "Some CPU @ 3.1 GHz", Wanted: 3, Price: price})
		for m := range 3 {
			machine := speed * math.Exp(0.02*r.NormFloat64())
			for b := range benchmarks {
				for p := range 2 {
					s.Processes = append(s.Processes, Process{Type: name, Machine: fmt.Sprintf("%s-%d", name, m), Workload: "yjit", Repeat: p + 1,
						Place: p + 1, Benchmark: fmt.Sprintf("benchmark-%02d", b), Value: 100 * float64(b+1) / machine * math.Exp(0.005*r.NormFloat64())})
				}
			}
		}
	}
	return s
}

// TestPagesForEyes writes the pages that are looked at, if a folder for them is named.
func TestPagesForEyes(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("TACHO_TEST_PAGES")
	if dir == "" {
		t.Skip("skipped: TACHO_TEST_PAGES names no folder for pages to look at")
	}
	one := many(1, 3)
	for name, s := range map[string]Sweep{"1": one, "7": seven(t), "60": many(60, 20)} {
		f, err := os.Create(dir + "/" + name + ".html")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(build(t, s).WritePage(f), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkPage is the report of 100 types and 60 benchmarks, 36,000 values.
func BenchmarkPage(b *testing.B) {
	s := many(100, 60)
	b.ReportAllocs()
	for b.Loop() {
		r, err := Build(s)
		if err != nil {
			b.Fatal(err)
		}
		if err := r.WritePage(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

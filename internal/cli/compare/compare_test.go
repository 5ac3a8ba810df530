package compare

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
)

var update = flag.Bool("update", false, "rewrite golden files")

// golden compares text with the file of that name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// goBench is what go test prints for benchmarks with a deviation of sd, those named slower by the factor.
func goBench(r *rand.Rand, benchmarks, count int, sd float64, factor func(i int) float64) string {
	var b strings.Builder
	b.WriteString("goos: linux\ngoarch: amd64\npkg: example.org/app\n")
	for i := range benchmarks {
		base := 10 * math.Pow(10, float64(i%4)) * (1 + float64(i)/7)
		for range count {
			fmt.Fprintf(&b, "BenchmarkPart%d-8\t100000\t%s ns/op\t%d B/op\t2 allocs/op\n", i,
				fmt.Sprintf("%.4g", base*factor(i)*math.Exp(sd*r.NormFloat64())), 16*i)
		}
	}
	return b.String() + "PASS\nok  \texample.org/app\t1.234s\n"
}

func equal(int) float64 { return 1 }

// inFolder runs the command with files in a folder of its own.
func inFolder(t testing.TB, files map[string]string, args ...string) (stdout string, code int, err error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	env := cli.Env{Stdout: &out, Stderr: &out, Dir: dir, Getenv: func(string) string { return "" }, Stdin: strings.NewReader(files["stdin"])}
	cmd := Command(&env)
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err = cmd.Execute()
	return out.String(), cli.ExitCode(err), err
}

func TestEachFormOfAComparison(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	changed := func(i int) float64 {
		return map[int]float64{1: 1.06, 3: .9}[i] + map[bool]float64{true: 1}[i != 1 && i != 3]
	}
	files := map[string]string{
		"old.txt": goBench(r, 5, 10, .01, equal) + "BenchmarkGone-8 1 5 ns/op\n",
		"new.txt": strings.ReplaceAll(goBench(r, 5, 10, .01, changed), "32 B/op\t2 allocs", "64 B/op\t3 allocs") +
			"BenchmarkFresh-8 1 5 ns/op\n",
	}
	for form, flags := range map[string][]string{
		"text": nil, "markdown": {"--markdown"}, "csv": {"--csv"}, "json": {"--json"}, "html": {"--html"},
	} {
		out, code, err := inFolder(t, files, append(flags, "old.txt", "new.txt")...)
		if code != fault.ExitAlert {
			t.Errorf("%s: exit code %d: %v", form, code, err)
		}
		golden(t, "parts."+form, out)
	}
}

func TestSeveralRunsASideAreTheUnits(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 5 {
		layout := math.Exp(.01 * r.NormFloat64()) // each process is a little slower or faster as a whole
		files[fmt.Sprintf("old%d", i)] = goBench(r, 3, 4, .002, func(int) float64 { return layout })
		files[fmt.Sprintf("new%d", i)] = goBench(r, 3, 4, .002, func(int) float64 { return layout * 1.1 })
	}
	out, code, err := inFolder(t, files, "old0,old1,old2,old3,old4", "new0,new1,new2,new3,new4")
	if code != fault.ExitAlert {
		t.Errorf("exit code %d: %v", code, err)
	}
	golden(t, "runs.text", out)
	flagged, _, _ := inFolder(t, files, "--old", "old0", "--old", "old1", "--old", "old2", "--old", "old3", "--old", "old4", "--new", "new0",
		"--new", "new1", "--new", "new2", "--new", "new3", "--new", "new4")
	if flagged != out {
		t.Errorf("by flags\n%s\nby commas\n%s", flagged, out)
	}
}

func TestWhatEndsWithWhichCode(t *testing.T) {
	t.Parallel()
	noise := "BenchmarkA 1 100 ns/op\nBenchmarkA 1 130 ns/op\nBenchmarkA 1 90 ns/op\n"
	tight := "BenchmarkA 1 100.0 ns/op\nBenchmarkA 1 100.1 ns/op\nBenchmarkA 1 99.9 ns/op\nBenchmarkA 1 100.05 ns/op\n"
	hyperfine := `{"results":[{"command":"BenchmarkA","mean":1,"times":[1,1.1,0.9]}]}`
	other := "BenchmarkB 1 100 ns/op\n"
	slow := "BenchmarkA 1 120.0 ns/op\nBenchmarkA 1 120.1 ns/op\nBenchmarkA 1 119.9 ns/op\nBenchmarkA 1 120.05 ns/op\n"
	files := map[string]string{"noise": noise, "tight": tight, "slow": slow, "hyperfine": hyperfine,
		"empty": " \n", "text": "nothing to see\n", "other": other, "one": "BenchmarkA 1 100 ns/op\n",
		"twice": "BenchmarkA 1 200 ns/op\n", "nan": "BenchmarkA 1 NaN ns/op\n", "a,b": tight, "bytes": "BenchmarkA 1 48 B/op\n",
		"stdin": tight}
	for _, c := range []struct {
		args string
		code int
		text string // of the answer, or of the error
	}{
		{"tight tight", fault.ExitOK, "1 same"},
		{"tight slow", fault.ExitAlert, "1 worse"},
		{"slow tight", fault.ExitOK, "1 better"},
		{"noise noise", fault.ExitUndecided, "1 undecided"},
		{"one twice", fault.ExitUndecided, "1 iteration a side: needs 2, better 5: BenchmarkA"},
		{"a,b tight", fault.ExitOK, "1 same"},
		{"tight -", fault.ExitOK, "1 same"},
		{"tight hyperfine", fault.ExitUsage,
			"tight is go_bench output and hyperfine is shell_hyperfine output: only files of one tool can be compared"},
		{"tight empty", fault.ExitUsage, "empty is empty"},
		{"tight text", fault.ExitUsage, "text: "},
		{"tight nan", fault.ExitUsage, "nan: "},
		{"tight missing", fault.ExitUsage, "missing: no such file or directory"},
		{"tight other", fault.ExitUsage, "no benchmark is on both sides: the old one has BenchmarkA, the new one BenchmarkB"},
		{"tight,tight slow", fault.ExitUsage, "tight is given twice on one side"},
		{"- -", fault.ExitUsage, "- stands for the standard input"},
		{"tight", fault.ExitUsage, "only OLD is given"},
		{"nothing~", fault.ExitUsage,
			"nothing~: there is no such file, and it names nothing that a server could have: \"nothing~\": character 8"},
		{"feature", fault.ExitUsage, "--host is missing"},
		{"main branch:tight", fault.ExitUsage, "--host is missing"},
		{"", fault.ExitUsage, "OLD and NEW are missing"},
		{"tight slow noise", fault.ExitUsage, "3 files are given"},
		{"--old tight", fault.ExitUsage, "--old and --new"},
		{"--old tight --new slow noise", fault.ExitUsage, `"noise" is one too many`},
		{"--effect 0 tight slow", fault.ExitUsage, `--effect "0"`},
		{"--effect x% tight slow", fault.ExitUsage, `--effect "x%"`},
		{"--adapter nothing tight slow", fault.ExitUsage, "nothing"},
	} {
		out, code, err := inFolder(t, files, strings.Fields(c.args)...)
		if err != nil {
			out += err.Error()
		}
		if code != c.code || !strings.Contains(out, c.text) {
			t.Errorf("compare %s: exit code %d, want %d; %q, want %q in it", c.args, code, c.code, out, c.text)
		}
	}
}

// claims are the rows of a comparison in which a change is claimed.
func claims(t *testing.T, before, after string) (changed, rows int) {
	t.Helper()
	out, _, err := inFolder(t, map[string]string{"old": before, "new": after}, "--json", "old", "new")
	var d document
	if e := json.Unmarshal([]byte(out), &d); e != nil {
		t.Fatalf("%v, %v: %s", e, err, out)
	}
	for _, r := range d.Rows {
		if r.Measure != "Latency" {
			if judge.Verdict(r.Verdict).Changed() {
				t.Errorf("%s of %s is %s", r.Measure, r.Benchmark, r.Verdict)
			}
			continue
		}
		rows++
		if judge.Verdict(r.Verdict).Changed() {
			changed++
		}
	}
	return changed, rows
}

// TestGoTestOnIdenticalCodeAndOnSlowerCode: 30 benchmarks with a deviation of 2 %. On identical code nothing is claimed of one line, and of
// more in 5 % of rows at most; 3 % are found in three quarters of rows at -count 10, and in more at 20.
func TestGoTestOnIdenticalCodeAndOnSlowerCode(t *testing.T) {
	t.Parallel()
	const rounds, benchmarks, sd = 20, 30, .02
	share := func(count int, factor float64) (part float64, reports int) {
		r := rand.New(rand.NewPCG(uint64(count), math.Float64bits(factor)))
		changed, rows := 0, 0
		for range rounds {
			c, n := claims(t, goBench(r, benchmarks, count, sd, equal), goBench(r, benchmarks, count, sd, func(int) float64 { return factor }))
			if changed, rows = changed+c, rows+n; c > 0 {
				reports++
			}
		}
		return float64(changed) / float64(rows), reports
	}
	for _, count := range []int{1, 2, 3, 6, 10, 20} {
		part, reports := share(count, 1)
		t.Logf("identical code, -count %d: %.4f of rows, %d of %d reports", count, part, reports, rounds)
		if part > .05 || count == 1 && part > 0 || reports > 4 { // 1 in 20 is expected; more than 4 have a chance of 0.3 %
			t.Errorf("identical code, -count %d: a change is claimed in %.4f of rows, %d of %d reports", count, part, reports, rounds)
		}
	}
	found := map[int]float64{}
	for _, count := range []int{3, 6, 10, 20} {
		found[count], _ = share(count, 1.03)
	}
	t.Logf("+3 %% is found in %v of rows", found)
	if found[10] < .75 || found[20] <= found[10] || found[6] <= found[3] {
		t.Errorf("+3 %% is found in %v of rows by -count", found)
	}
}

func TestNamesAreShortenedInTheMiddle(t *testing.T) {
	t.Parallel()
	for most, want := range map[int]string{0: "abcdefghij", 10: "abcdefghij", 7: "abc…hij", 6: "ab…hij"} {
		if got := shorten("abcdefghij", most); got != want {
			t.Errorf("to %d: %q, want %q", most, got, want)
		}
	}
}

// TestANarrowScreenHasAMeasureBelowTheOther: no line is wider than the screen, if names can be shortened that far.
func TestANarrowScreenHasAMeasureBelowTheOther(t *testing.T) {
	t.Parallel()
	var rows []judge.Row
	for i := range 3 {
		name := strings.Repeat("long/", 10) + fmt.Sprint("name with words ", i, strings.Repeat("x", 30))
		for _, m := range []string{"Latency", "Other"} {
			row := judge.Row{Benchmark: name, Old: judge.Side{{Values: []float64{100, 101, 99}}},
				New: judge.Side{{Values: []float64{150, 151, 149}}}}
			row.Measure.Name, row.Measure.Units = m, "nanoseconds (ns)"
			rows = append(rows, row)
		}
	}
	v := newView([]string{"a"}, []string{"b"}, pairing{rows: rows}, judge.Compare(rows, judge.Policy{}), judge.Policy{})
	var out bytes.Buffer
	if err := v.writeText(&term.Screen{W: &out, Width: 100}, false); err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(out.String(), "\n\n6 ")
	for text := range strings.Lines(table) {
		if n := len([]rune(strings.TrimRight(text, "\n"))); n > 100 {
			t.Errorf("%d columns: %s", n, text)
		}
	}
	if strings.Count(table, "benchmark") != 2 || !strings.Contains(table, "…") {
		t.Errorf("two tables with shortened names are wanted:\n%s", table)
	}
}

func TestUnchangedRowsAreFolded(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	files := map[string]string{"old": goBench(r, 50, 3, .0001, equal), "new": goBench(r, 50, 3, .0001, equal)}
	out, _, _ := inFolder(t, files, "old", "new")
	if !strings.Contains(out, "… and 20 more without a change; --all shows them") {
		t.Errorf("50 rows:\n%s", out)
	}
	if out, _, _ = inFolder(t, files, "--all", "old", "new"); strings.Contains(out, "more without a change") {
		t.Errorf("--all:\n%s", out)
	}
}

// TestAGeomeanWithoutUnitsCountsNone: rows that are held against histories have a base each, and no unit in common.
func TestAGeomeanWithoutUnitsCountsNone(t *testing.T) {
	t.Parallel()
	for units, want := range map[[2]int]string{{}: "~", {3, 1}: "~ n=3+1"} {
		c := column{geomean: judge.Geomean{Benchmarks: 2, Ratio: 1.1, Lower: math.NaN(), Upper: math.NaN(), Units: units}}
		text, n := c.geomeanText()
		if got := strings.TrimSpace(text + " " + n); got != want {
			t.Errorf("%v: %q, want %q", units, got, want)
		}
	}
}

func TestWhatTwoProcessesDifferByIsSaidAndClaimsNothing(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(11, 12))
	process := func() string { // each benchmark of a process is a little slower or faster
		var layout [40]float64
		for i := range layout {
			layout[i] = math.Exp(.05 * r.NormFloat64())
		}
		return goBench(r, len(layout), 10, .005, func(i int) float64 { return layout[i] })
	}
	files := map[string]string{"old.txt": process(), "new.txt": process()}
	out, code, err := inFolder(t, files, "--json", "old.txt", "new.txt")
	if code != fault.ExitUndecided {
		t.Errorf("exit code %d: %v", code, err)
	}
	var d struct {
		Counts map[string]int
		Notes  []string
		Rows   []struct {
			Measure string
			Between *float64
			Reason  string
		}
	}
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatal(err)
	}
	if d.Counts["worse"]+d.Counts["better"] > 0 {
		t.Errorf("identical code: %v", d.Counts)
	}
	if notes := strings.Join(d.Notes, "\n"); !strings.Contains(notes, "Latency: its 40 rows differ between the two processes by ") ||
		strings.Contains(notes, "is not known") {
		t.Errorf("notes:\n%s", notes)
	}
	for _, row := range d.Rows {
		timed := row.Measure == "Latency"
		if timed != (row.Between != nil) || timed && (*row.Between < .04 || !strings.Contains(row.Reason, "more than iterations explain")) {
			t.Errorf("%+v", row)
		}
	}
}

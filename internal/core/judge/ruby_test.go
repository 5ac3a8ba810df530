package judge

import (
	"encoding/csv"
	"os"
	"strconv"
	"testing"

	measures "github.com/tachograph/tacho/internal/core/unit"
)

// TestIdenticalPassesOnCloudMachinesSeldomDiffer has two passes of the same program on three machines each of seven instance types. By
// machine at most 6 % of rows differ at 5 %, and next to no change is claimed; order effects are real there, so a few are.
func TestIdenticalPassesOnCloudMachinesSeldomDiffer(t *testing.T) {
	t.Parallel()
	f, err := os.Open("testdata/ruby_passes.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	reports, place := map[string][]Row{}, map[[2]string]int{}
	for _, l := range lines[1:] {
		kind, machine, benchmark := l[0], l[1], l[2]
		at, seen := place[[2]string{kind, benchmark}]
		if !seen {
			at = len(reports[kind])
			place[[2]string{kind, benchmark}] = at
			reports[kind] = append(reports[kind], Row{Benchmark: benchmark, Measure: *measures.Latency})
		}
		row := &reports[kind][at]
		for i, side := range []*Side{&row.Old, &row.New} {
			mean, err := strconv.ParseFloat(l[3+i], 64)
			if err != nil {
				t.Fatal(err)
			}
			*side = append(*side, Process{Name: machine, Host: machine, Values: []float64{mean}})
		}
	}
	rows, differ, claims := 0, 0, 0
	for kind, report := range reports {
		for _, c := range Compare(report, Policy{}).Rows {
			rows++
			if c.Level != ByHost {
				t.Fatalf("%s: the unit is the %s", kind, c.Level)
			}
			if c.P < .05 {
				differ++
			}
			if c.Verdict.Changed() {
				claims++
			}
		}
	}
	if len(reports) != 7 || rows < 350 || float64(differ) > .06*float64(rows) || claims > 1 {
		t.Errorf("%d of %d rows of %d reports differ at 5 %%, %d changes are claimed", differ, rows, len(reports), claims)
	}
	t.Logf("%d of %d rows differ at 5 %%, %d changes are claimed", differ, rows, claims)
}

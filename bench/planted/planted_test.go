package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestWhatThePlantedProjectsAreMeasuredBy: each step of 6 % and more is found with its commit, the machine is named on each branch, and
// next to nothing is told that was not planted.
func TestWhatThePlantedProjectsAreMeasuredBy(t *testing.T) {
	t.Parallel()
	projects, large := uint64(20), 0
	if testing.Short() {
		projects = 4
	}
	for seed := range projects {
		p := plant(seed)
		o := p.evaluate(p.byCore())
		if o.items > mostItems {
			large++
			o.items = mostItems
		}
		if !o.good() {
			var out strings.Builder
			o.print(&out, seed)
			t.Error(out.String())
		}
	}
	if large > 1 {
		t.Errorf("%d of %d projects have more than %d items", large, projects, mostItems)
	}
}

func TestAProjectIsWhatItsSeedSays(t *testing.T) {
	t.Parallel()
	a, b := plant(3), plant(3)
	if !reflect.DeepEqual(a, b) {
		t.Error("two projects of one seed differ")
	}
	slower := 0
	for _, s := range a.steps {
		if s.size > 0 && !s.machine {
			slower++
		}
		for _, other := range a.steps {
			if d := s.commit - other.commit; s.name != other.name && max(d, -d) < margin {
				t.Errorf("%s and %s are %d commits apart", s.name, other.name, d)
			}
		}
	}
	if slower != 6 || len(a.steps) != 9 || len(a.values) != 3 || len(a.values[2]) != 2 || len(a.values[2][1]) != 300 ||
		len(a.values[2][1][299]) != 200 {
		t.Errorf("%d slow-downs of %d things", slower, len(a.steps))
	}
}

// truth are the items of somebody who knows what was planted.
func (p *project) truth() (items []Item) {
	for _, s := range p.steps {
		for _, at := range s.at {
			item := Item{Branch: branches[at.branch], Testbed: testbeds[at.testbed], First: s.commit, Last: s.commit + 1, Machine: s.machine}
			for _, b := range s.members {
				item.Benchmarks = append(item.Benchmarks, name(b))
			}
			items = append(items, item)
		}
	}
	return items
}

func TestTheEvaluatorSeesWhatIsMissingAndWhatIsWrong(t *testing.T) {
	t.Parallel()
	p := plant(1)
	const nine, machine = 2, 12 // of truth
	change := func(f func(items []Item) []Item) outcome { return p.evaluate(f(slices.Clone(p.truth()))) }
	for name, c := range map[string]struct {
		change                                   func(items []Item) []Item
		found, machine, parts, wrong, items, few int
	}{
		"all":     {func(items []Item) []Item { return items }, 9, 3, 0, 0, 13, 1},
		"nothing": {func([]Item) []Item { return nil }, 0, 0, 0, 0, 0, 0},
		"its commit is not in the interval": {func(items []Item) []Item {
			items[nine].First, items[nine].Last = items[nine].First+1, items[nine].Last+3
			return items
		}, 8, 3, 1, 0, 13, 1},
		"far from its commit": {func(items []Item) []Item {
			items[nine].First, items[nine].Last = items[nine].First+10, items[nine].Last+10
			return items
		}, 8, 3, 0, 1, 13, 1},
		"other benchmarks": {func(items []Item) []Item { items[nine].Benchmarks = []string{"x"}; return items }, 8, 3, 0, 1, 13, 1},
		"another branch":   {func(items []Item) []Item { items[nine].Branch = "x"; return items }, 8, 3, 0, 1, 13, 1},
		"code is blamed for the machine": {func(items []Item) []Item { items[machine].Machine = false; return items }, 9, 2, 0, 1, 13,
			1},
		"the machine is blamed for code": {func(items []Item) []Item { items[nine].Machine = true; return items }, 8, 3, 0, 1, 13, 1},
		"told twice":                     {func(items []Item) []Item { return append(items, items[nine]) }, 9, 3, 1, 0, 14, 1},
	} {
		o := change(c.change)
		if o.found != c.found || o.large != 9 || o.machine != c.machine || len(o.parts) != c.parts || len(o.wrong) != c.wrong ||
			o.items != c.items || o.small != c.few {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func TestReportsAndItemsGoThroughFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var out strings.Builder
	if err := (options{seed: 1, reports: filepath.Join(dir, "reports")}).run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "reports"))
	if err != nil || strings.Count(string(raw), "\n") != len(branches)*len(testbeds)*commitCount {
		t.Errorf("%d lines, %v", strings.Count(string(raw), "\n"), err)
	}
	if err := os.WriteFile(filepath.Join(dir, "items"), []byte(`[{"branch":"main","testbed":"arm","first":1,"last":2}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (options{seed: 1, items: filepath.Join(dir, "items")}).run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "false: main on arm, commits 1 to 2, 0 benchmarks, code") {
		t.Error(out.String())
	}
}

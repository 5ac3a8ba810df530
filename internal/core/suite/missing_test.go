package suite

import (
	"fmt"
	"math"
	"testing"

	"github.com/tachograph/tacho/internal/core/rank"
)

func TestMissingCells(t *testing.T) {
	t.Parallel()
	machine := func(kind, name string, a, b float64) rank.Machine {
		return rank.Machine{Kind: kind, Name: name, Means: map[string]float64{"a": a, "b": b}}
	}
	machines := []rank.Machine{machine("x", "1", 1, 3), machine("x", "2", 1, 2), machine("y", "1", 1, math.NaN()), machine("y", "2", 1, 2)}
	delete(machines[2].Means, "b")
	for _, c := range []struct {
		missing    Missing
		benchmarks []string
		want       string
	}{
		{Require, []string{"a", "b"}, "3 machines, without [y/1], 0 filled"},
		{"", []string{"a", "b"}, "3 machines, without [y/1], 0 filled"},
		{Ignore, []string{"a", "b"}, "4 machines, without [], 0 filled"},
		{Penalise, []string{"a", "b"}, "4 machines, without [], 1 filled"},
		{Penalise, []string{"a", "b", "nobody has"}, "4 machines, without [], 1 filled"},
		{Require, []string{"a"}, "4 machines, without [], 0 filled"},
		{Require, nil, "4 machines, without [], 0 filled"},
		{Require, []string{"nobody has"}, "0 machines, without [x/1 x/2 y/1 y/2], 0 filled"},
	} {
		got := Expected{Benchmarks: c.benchmarks, Missing: c.missing}.Compare(machines)
		if text := fmt.Sprintf("%d machines, without %v, %d filled", len(got.Machines), got.Incomplete, got.Penalised); text != c.want {
			t.Errorf("%s %v: %s, want %s", c.missing, c.benchmarks, text, c.want)
		}
		if c.missing == Penalise && got.Machines[2].Means["b"] != 6 {
			t.Errorf("a missing cell counts as %v, where the worst is 3", got.Machines[2].Means["b"])
		}
	}
	if _, there := machines[2].Means["b"]; there {
		t.Error("a penalty was written into the data")
	}
}

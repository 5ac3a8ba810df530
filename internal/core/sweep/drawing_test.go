package sweep

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/core/strict/stricttest"
)

// TestTheDocsDrawTheTables keeps the drawings in docs/sweeps.md true: they are made from the tables themselves.
func TestTheDocsDrawTheTables(t *testing.T) {
	t.Parallel()
	name := filepath.Join("..", "..", "..", "docs", "sweeps.md")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- states: drawn by go test ./internal/core/sweep -run Draw -update -->\n", "<!-- /states -->\n"
	before, rest, ok := strings.Cut(string(text), begin)
	drawn, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the drawings", name)
	}
	want := drawings()
	if stricttest.Update() {
		if err := os.WriteFile(name, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if drawn != want {
		t.Errorf("%s draws other tables than the code has; draw them again with -update. Want:\n%s", name, want)
	}
}

// drawings has a block for each table: a line for each state, with what leads from it to others and what leaves it where it is.
func drawings() string {
	sweeps := draw("sweep", States, Verbs, func(s State, v Verb) (State, bool) {
		next, err := Next("", s, v)
		return next, err == nil
	})
	slots := draw("slot", SlotStates, SlotVerbs, func(s SlotState, v SlotVerb) (SlotState, bool) {
		next, err := NextSlot("", s, v)
		return next, err == nil
	})
	machines := draw("machine", MachineStates, MachineVerbs, func(s MachineState, v MachineVerb) (MachineState, bool) {
		next, err := Machine{State: s}.Move("", v, "")
		return next.State, err == nil
	})
	return sweeps + "\n" + slots + "\n" + machines
}

func draw[S, V ~string](what string, states []S, verbs []V, next func(S, V) (S, bool)) string {
	var out strings.Builder
	fmt.Fprintf(&out, "```text\n%s\n", what)
	for _, from := range states {
		edges := map[S][]string{}
		for _, v := range verbs {
			if to, ok := next(from, v); ok {
				edges[to] = append(edges[to], string(v))
			}
		}
		fmt.Fprintf(&out, "  %s\n", from)
		for _, to := range states {
			if to != from && len(edges[to]) > 0 {
				fmt.Fprintf(&out, "    ── %s ──▶ %s\n", strings.Join(edges[to], ", "), to)
			}
		}
		if stays := edges[from]; len(stays) > 0 {
			slices.Sort(stays)
			fmt.Fprintf(&out, "    stays: %s\n", strings.Join(stays, ", "))
		}
	}
	out.WriteString("```\n")
	return out.String()
}

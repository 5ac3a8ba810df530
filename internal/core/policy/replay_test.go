package policy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// historyOf makes 60 values with half a per cent of noise; from version 130 on they are by a share higher.
func historyOf(line string, step float64) History {
	h := History{Line: lineOf(line), Place: lineOf(line).Branch.Name + " on " + lineOf(line).Testbed.Name}
	r := rand.New(rand.NewPCG(uint64(len(line)), uint64(line[len(line)-1])))
	for i := range 60 {
		v := 100 * math.Exp(0.005*r.NormFloat64())
		if i >= 30 {
			v *= 1 + step
		}
		h.Numbers, h.Values = append(h.Numbers, int64(100+i)), append(h.Values, v)
	}
	return h
}

func TestReplay(t *testing.T) {
	t.Parallel()
	counted := History{Line: lineOf("main lab Alloc bytes"), Place: "main on lab", Numbers: []int64{110, 130, 150},
		Values: []float64{100, 103, 103}}
	counted.Exact = true
	histories := []History{historyOf("main lab Sort latency", 0.1), historyOf("main lab Parse latency", 0.03),
		historyOf("main ci Sort latency", 0), historyOf("other lab Sort latency", 0.05), counted}
	replay := func(text string) []Event {
		t.Helper()
		events, err := parse(t, text).Replay(histories)
		if err != nil {
			t.Fatal(err)
		}
		return events
	}
	say := func(events []Event) (out []string) {
		for _, e := range events {
			names := []string{}
			for _, m := range e.Members {
				names = append(names, histories[m.History].Benchmark.Name)
			}
			out = append(out, fmt.Sprint(e.Place, " ", e.First, "-", e.Last, " ", names, " ", e.Severity, " ", e.Told))
		}
		return out
	}
	plain := replay("")
	want := []string{"main on lab 130-130 [Sort Parse Alloc] warn true", "other on lab 130-130 [Sort] warn true"}
	if diff := cmp.Diff(want, say(plain)); diff != "" {
		t.Fatalf("without a policy (-want +got):\n%s", diff)
	}
	for name, c := range map[string]struct {
		text               string
		want               []string
		appear, vanish, as int
	}{
		"larger ones": {"rules: [{min_effect: 4%}]", []string{"main on lab 130-130 [Sort] warn true", want[1]}, 0, 0, 1},
		"not there":   {"rules: [{branch: other, test: none}]", want[:1], 0, 1, 1},
		"thresholds":  {"rules: [{test: threshold}]", nil, 0, 2, 0},
		"worst of an event": {"rules: [{benchmark: Parse, severity: fail}, {branch: other, severity: info}]",
			[]string{"main on lab 130-130 [Sort Parse Alloc] fail true", "other on lab 130-130 [Sort] info false"}, 0, 0, 0},
		"counted": {"rules: [{measure: bytes, min_effect: 5%}]", []string{"main on lab 130-130 [Sort Parse] warn true", want[1]}, 0, 0, 1},
		"strict":  {"rules: [{strictness: high}]", want, 0, 0, 2},
	} {
		after := replay(c.text)
		if diff := cmp.Diff(c.want, say(after)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		d, back := Compare(plain, after), Compare(after, plain)
		same := 0
		for _, k := range d.Stay {
			if k.Same() {
				same++
			}
		}
		if len(d.Appear) != c.appear || len(d.Vanish) != c.vanish || same != c.as || d.Same() != (same == len(plain)) {
			t.Errorf("%s: %d appear, %d vanish, %d of %d stay as they are, same: %v", name,
				len(d.Appear), len(d.Vanish), same, len(d.Stay), d.Same())
		}
		if len(back.Appear) != c.vanish || len(back.Vanish) != c.appear || len(back.Stay) != len(d.Stay) {
			t.Errorf("%s: the way back is another: %d %d", name, len(back.Appear), len(back.Vanish))
		}
	}
	if d := Compare(plain, plain); !d.Same() || len(d.Stay) != len(plain) {
		t.Errorf("a replay differs from itself: %+v", d)
	}
	if largest := plain[0].Largest(); math.Abs(largest-0.1) > 0.01 {
		t.Errorf("largest effect: %v", largest)
	}
}

func TestAnotherPlaceOfALineIsAnotherEvent(t *testing.T) {
	t.Parallel()
	event := func(first, last int64, up bool) []Event {
		m := Member{First: first, Last: last, Found: Found{Before: 1, After: 2}}
		if !up {
			m.Before, m.After = 2, 1
		}
		return []Event{{First: first, Last: last, Members: []Member{m}}}
	}
	for name, c := range map[string]struct {
		after []Event
		stay  int
	}{
		"overlapping":   {event(5, 9, true), 1},
		"apart":         {event(6, 9, true), 0},
		"the other way": {event(3, 5, false), 0},
	} {
		d := Compare(event(3, 5, true), c.after)
		if len(d.Stay) != c.stay || len(d.Appear) != 1-c.stay || len(d.Vanish) != 1-c.stay {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestCounted(t *testing.T) {
	t.Parallel()
	values := []float64{100, 100.5, 101, 101.5, 0, 7}
	found, err := Counted(values, 0.01, -1)
	if err != nil {
		t.Fatal(err)
	}
	var at []int
	for _, f := range found {
		at = append(at, f.Index)
	}
	if !slices.Equal(at, []int{2, 4, 5}) || found[0].Before != 100 || found[0].NBefore != 2 || found[0].NAfter != 2 || found[2].Effect != nil {
		t.Errorf("found %v: %+v", at, found)
	}
	if found, _ := Counted(values[:4], 0.01, 1); len(found) != 0 {
		t.Errorf("what was accepted is no creep: %+v", found)
	}
	if _, err := Counted([]float64{1, math.NaN()}, 0.01, -1); err == nil {
		t.Error("NaN is a count")
	}
}

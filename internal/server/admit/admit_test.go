package admit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
)

// step is one thing that happens at a gate, and what holds after it.
type step struct {
	do      string // "enter NAME WEIGHT", "await NAME WEIGHT", "leave NAME", "shrink NAME WEIGHT", "cancel NAME", "pass DURATION"
	used    int64
	inside  []string
	refused []string
}

func TestAGateLetsInByWeightAndInOrder(t *testing.T) {
	t.Parallel()
	cfg := Config{Subject: "reports", Capacity: 10, Queue: 3, Patience: time.Minute, Retry: 7 * time.Second}
	for name, steps := range map[string][]step{
		"what fits is in at once": {
			{"enter a 4", 4, []string{"a"}, nil}, {"enter b 6", 10, []string{"a", "b"}, nil}, {"enter c 0", 10, []string{"a", "b", "c"}, nil},
		},
		"what does not fit waits until there is room": {
			{"enter a 8", 8, []string{"a"}, nil}, {"enter b 4", 8, []string{"a"}, nil}, {"leave a", 4, []string{"b"}, nil},
		},
		"a small one does not pass a large one that came before": {
			{"enter a 6", 6, []string{"a"}, nil}, {"enter large 8", 6, []string{"a"}, nil}, {"enter small 1", 6, []string{"a"}, nil},
			{"leave a", 9, []string{"large", "small"}, nil},
		},
		"what weighs nothing waits for nobody": {
			{"enter a 10", 10, []string{"a"}, nil}, {"enter large 8", 10, []string{"a"}, nil},
			{"enter nothing 0", 10, []string{"a", "nothing"}, nil},
			{"leave nothing", 10, []string{"a"}, nil}, {"leave a", 8, []string{"large"}, nil},
		},
		"many are let in together when they fit": {
			{"enter a 10", 10, []string{"a"}, nil}, {"enter b 3", 10, []string{"a"}, nil}, {"enter c 3", 10, []string{"a"}, nil},
			{"enter d 5", 10, []string{"a"}, nil}, {"leave a", 6, []string{"b", "c"}, nil}, {"leave b", 8, []string{"c", "d"}, nil},
		},
		"one over the capacity runs alone": {
			{"enter a 1", 1, []string{"a"}, nil}, {"enter huge 1000", 1, []string{"a"}, nil}, {"leave a", 10, []string{"huge"}, nil},
			{"enter b 1", 10, []string{"huge"}, nil}, {"leave huge", 1, []string{"b"}, nil},
		},
		"who goes away while waiting makes room for those behind": {
			{"enter a 6", 6, []string{"a"}, nil}, {"enter large 8", 6, []string{"a"}, nil}, {"enter small 4", 6, []string{"a"}, nil},
			{"cancel large", 10, []string{"a", "small"}, []string{"large"}},
		},
		"a full queue refuses": {
			{"enter a 10", 10, []string{"a"}, nil}, {"enter b 1", 10, []string{"a"}, nil}, {"enter c 1", 10, []string{"a"}, nil},
			{"enter d 1", 10, []string{"a"}, nil}, {"enter e 1", 10, []string{"a"}, []string{"e"}},
			{"leave a", 3, []string{"b", "c", "d"}, []string{"e"}},
		},
		"patience ends, and those behind go on": {
			{"enter a 6", 6, []string{"a"}, nil}, {"enter large 8", 6, []string{"a"}, nil}, {"pass 40s", 6, []string{"a"}, nil},
			{"enter small 4", 6, []string{"a"}, nil}, {"pass 30s", 10, []string{"a", "small"}, []string{"large"}},
		},
		"work that nobody waits for is not refused": {
			{"enter a 10", 10, []string{"a"}, nil}, {"enter b 1", 10, []string{"a"}, nil}, {"enter c 1", 10, []string{"a"}, nil},
			{"enter d 1", 10, []string{"a"}, nil}, {"await job 5", 10, []string{"a"}, nil}, {"pass 2m", 10, []string{"a"}, []string{"b", "c", "d"}},
			{"leave a", 5, []string{"job"}, []string{"b", "c", "d"}},
		},
		"what was not needed is given back": {
			{"enter a 9", 9, []string{"a"}, nil}, {"enter b 5", 9, []string{"a"}, nil}, {"shrink a 5", 10, []string{"a", "b"}, nil},
			{"shrink a 8", 10, []string{"a", "b"}, nil}, {"leave a", 5, []string{"b"}, nil}, {"leave a", 5, []string{"b"}, nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { play(t, New(cfg), steps) })
		})
	}
}

func play(t *testing.T, g *Gate, steps []step) {
	t.Helper()
	type result struct {
		name string
		pass *Pass
		err  error
	}
	results := make(chan result, 100)
	passes := map[string]*Pass{}
	cancels := map[string]context.CancelFunc{}
	var inside, refused []string
	for i, s := range steps {
		var verb, name string
		var weight int64
		_, _ = fmt.Sscan(s.do, &verb, &name, &weight) // some steps have no weight
		switch verb {
		case "enter", "await":
			enter := g.Enter
			if verb == "await" {
				enter = g.Await
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancels[name] = cancel
			go func() {
				p, err := enter(ctx, weight)
				results <- result{name, p, err}
			}()
		case "leave":
			passes[name].Leave()
			inside = slices.DeleteFunc(inside, func(n string) bool { return n == name })
		case "shrink":
			passes[name].Shrink(weight)
		case "cancel":
			cancels[name]()
		case "pass":
			d, err := time.ParseDuration(name)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(d)
		}
		synctest.Wait()
		for len(results) > 0 {
			r := <-results
			switch {
			case r.err == nil:
				inside, passes[r.name] = append(inside, r.name), r.pass
			case errors.Is(r.err, context.Canceled):
				refused = append(refused, r.name)
			case fault.Is(r.err, fault.Unavailable) && fault.RetryAfter(r.err) == 7*time.Second:
				refused = append(refused, r.name)
			default:
				t.Errorf("%s: %v", r.name, r.err)
			}
		}
		slices.Sort(inside)
		slices.Sort(refused)
		if g.Used() != s.used || !slices.Equal(inside, s.inside) || !slices.Equal(refused, s.refused) {
			t.Fatalf("step %d, %s: used %d inside %v refused %v, want %d %v %v", i, s.do, g.Used(), inside, refused, s.used, s.inside, s.refused)
		}
	}
	for _, cancel := range cancels {
		cancel()
	}
	synctest.Wait()
}

func TestPassesAreHeldUntilTheAnswerIsWritten(t *testing.T) {
	t.Parallel()
	g := New(Config{Capacity: 10, Queue: 1, Patience: time.Minute})
	enter := func(weight int64) *Pass {
		p, err := g.Enter(t.Context(), weight)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	ctx, done := Hold(t.Context())
	Keep(ctx, enter(3))
	Keep(ctx, enter(4))
	Keep(ctx, nil)
	if g.Used() != 7 {
		t.Errorf("%d is held, want 7", g.Used())
	}
	done()
	done()
	if g.Used() != 0 {
		t.Errorf("%d is held after the answer, want 0", g.Used())
	}
	Keep(t.Context(), enter(5))
	if g.Used() != 0 {
		t.Errorf("%d is held although there is no request to hold it, want 0", g.Used())
	}
}

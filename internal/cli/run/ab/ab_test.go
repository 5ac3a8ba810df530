package ab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/judge"
	"github.com/tachograph/tacho/internal/core/paired"
)

// clock is a time that goes on with each run.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// output is a side that prints text, and takes a minute for it.
func (c *clock) output(name string, text func() string) Side {
	return Side{Name: name, Measure: func(context.Context) (adapter.Results, error) {
		c.at = c.at.Add(time.Minute)
		return adapter.Parse(adapter.GoBench, []byte(text()), adapter.Options{})
	}}
}

// timed prints benchmarks with noise of 1 %, of which the first is slower by the factor.
func timed(r *rand.Rand, benchmarks int, factor float64) func() string {
	return func() string {
		var b strings.Builder
		for i := range benchmarks {
			fmt.Fprintf(&b, "BenchmarkPart%d-2 100 %.4f ns/op 16 B/op\n", i, 100*math.Exp(.01*r.NormFloat64())*factor)
			factor = 1
		}
		return b.String()
	}
}

func compare(t *testing.T, base, head Side, c *clock, change func(*Options)) (*Comparison, error) {
	t.Helper()
	opts := Options{Plan: paired.Plan{Effect: .02, Pairs: 40, Min: 6}, Seed: 3, Now: c.now}
	if change != nil {
		change(&opts)
	}
	compared, err := New(base, head, opts)
	if err != nil {
		t.Fatal(err)
	}
	return compared, compared.Run(t.Context(), func(*Comparison) {})
}

func text(t *testing.T, c *Comparison) string {
	t.Helper()
	var out bytes.Buffer
	if err := c.WriteText(&term.Screen{W: &out}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAChangeIsFoundEarlyAndIdenticalCodeIsTheSame(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		factor  float64
		want    judge.Verdict
		atMost  int
		summary string
	}{{1.05, judge.Worse, 15, "1 worse"}, {.95, judge.Better, 15, "1 better"}, {1, judge.Same, 40, "same"}} {
		r, at := rand.New(rand.NewPCG(1, 2)), &clock{}
		done, err := compare(t, at.output("old", func() string { return timed(r, 1, 1)() }),
			at.output("new", func() string { return timed(r, 1, c.factor)() }), at, nil)
		if err != nil || done.Verdict() != c.want || done.Pairs() > c.atMost || done.Ended() != Decided ||
			!strings.Contains(text(t, done), c.summary) {
			t.Errorf("%v: %v, %s after %d pairs (%s)\n%s", c.factor, err, done.Verdict(), done.Pairs(), done.Ended(), text(t, done))
		}
	}
}

func TestHowAComparisonEnds(t *testing.T) {
	t.Parallel()
	fails := cli.Fail(fault.ExitBenchmarkFailed, "the command 'new' ended with exit code 7")
	interrupted := cli.Fail(fault.ExitInterrupted, "interrupted")
	after := func(runs int, err error, side Side) Side {
		measure := side.Measure
		side.Measure = func(ctx context.Context) (adapter.Results, error) {
			if runs--; runs < 0 {
				return adapter.Results{}, err
			}
			return measure(ctx)
		}
		return side
	}
	wild := func(c *clock) Side {
		r := rand.New(rand.NewPCG(4, uint64(c.at.UnixNano())))
		c.at = c.at.Add(time.Minute) // another draw for the next side
		return c.output("noise", func() string { return fmt.Sprintf("BenchmarkA 1 %.3f ns/op\n", math.Exp(r.NormFloat64())) })
	}
	for name, c := range map[string]struct {
		head   func(*clock) Side
		change func(*Options)
		ended  Ended
		code   int
		pairs  int
		says   string
	}{
		"budget": {head: wild, change: func(o *Options) { o.Plan.Pairs = 10 }, ended: MaxPairs, pairs: 10,
			says: "ended after 10 pairs, the most that were allowed"},
		"time": {head: wild, change: func(o *Options) { o.MaxTime = 15 * time.Minute }, ended: MaxTime, pairs: 7,
			says: "because the time was up"},
		"Ctrl-C": {head: func(c *clock) Side { return after(3, interrupted, wild(c)) }, ended: Interrupted, pairs: 3,
			says: "interrupted after 3 pairs: this is what is known so far"},
		"failure": {head: func(c *clock) Side { return after(4, fails, wild(c)) }, ended: Failed, code: fault.ExitBenchmarkFailed, pairs: 4,
			says: "a run failed after 4 pairs"},
	} {
		at := &clock{}
		done, err := compare(t, wild(at), c.head(at), at, c.change)
		if cli.ExitCode(err) != c.code || done.Ended() != c.ended || done.Pairs() != c.pairs || !strings.Contains(text(t, done), c.says) {
			t.Errorf("%s: %v, %s after %d pairs\n%s", name, err, done.Ended(), done.Pairs(), text(t, done))
		}
		if c.ended == Failed && !strings.Contains(err.Error(), "the head failed in pair 5: the command 'new' ended with exit code 7") {
			t.Errorf("%v", err)
		}
	}
}

func TestOnlyWhatBothSidesHaveIsCompared(t *testing.T) {
	t.Parallel()
	at := &clock{}
	base := at.output("old", func() string { return "BenchmarkA 1 5 ns/op 3 allocs/op\nBenchmarkGone 1 5 ns/op\n" })
	head := at.output("new", func() string { return "BenchmarkA 1 5 ns/op 4 allocs/op\nBenchmarkFresh 1 5 ns/op\n" })
	done, err := compare(t, base, head, at, nil)
	var out bytes.Buffer
	if err != nil || done.WriteJSON(&out) != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if d.Verdict != judge.Worse || len(d.Rows) != 2 || d.Pairs != 6 ||
		fmt.Sprint(d.OnlyBase, d.OnlyHead) != "[BenchmarkGone] [BenchmarkFresh]" ||
		d.Seed != 3 {
		t.Errorf("%s", out.String())
	}
	_, err = compare(t, base, at.output("new", func() string { return "BenchmarkFresh 1 5 ns/op\n" }), at, nil)
	if cli.ExitCode(err) != fault.ExitBenchmarkFailed || !strings.Contains(err.Error(), "no benchmark is on both sides: the base has "+
		"BenchmarkA, BenchmarkGone, the head BenchmarkFresh") {
		t.Errorf("%v", err)
	}
}

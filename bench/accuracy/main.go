// Accuracy measures how well changes are found, by our detector and by the methods of other tools: on series of our own generator, and on
// some real ones whose changes a person named. 'make accuracy' runs it.
//
// Its numbers are the same in every run but for the cost, which is a ratio of two things measured in one run.
package main

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/tachograph/tacho/bench/accuracy/baseline"
	"github.com/tachograph/tacho/internal/core/change"
)

// real has real series with the changes that a person saw in their plots; testdata/README.md says whose they are.
//
//go:embed testdata/real.jsonl.gz
var realSeries []byte

func main() {
	seed := flag.Uint64("seed", 1, "of the generator")
	each := flag.Int("each", 10, "series of each noise and size")
	grow := flag.Int("grow", 1, "of those, how many are also shown value by value")
	flag.Parse()
	if err := run(os.Stdout, *seed, *each, *grow); err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
}

// ours is our detector: what it would tell, which are settled changes.
func ours(values []float64) (places []int) {
	r, err := change.Detect(values, change.Params{})
	if err != nil {
		panic(err) // a generator made what is no measurement
	}
	for _, c := range r.Changes {
		if c.Settled && !c.Switch {
			places = append(places, c.Index)
		}
	}
	return places
}

func run(out io.Writer, seed uint64, each, grow int) error {
	all := generated(seed, each)
	fromPeople, err := realOnes()
	if err != nil {
		return err
	}
	methods := append([]baseline.Method{{Name: "tacho", Find: ours}}, baseline.All()...)
	fmt.Fprintf(out, "%d generated series, %d real ones; seed %d.\n\n", len(all), len(fromPeople), seed)
	atOnce(out, methods, all, fromPeople)
	valueByValue(out, methods, slices.DeleteFunc(slices.Clone(all), func(s labelled) bool { return s.Number >= grow }), fromPeople)
	return nil
}

// bySet is what was found in the series of each set.
func bySet() map[string]*tally {
	by := map[string]*tally{}
	for _, size := range sizes {
		by[set(size)] = &tally{}
	}
	return by
}

// atOnce prints what each method finds when it is shown all values.
func atOnce(out io.Writer, methods []baseline.Method, all, fromPeople []labelled) {
	fmt.Fprintf(out, "All values at once: precision/recall/F1 of real series, F1 by size of step,\n"+
		"false changes in 1,000 stable values, cost.\n\n")
	fmt.Fprintf(out, "%-42s %-14s %5s %5s %5s %5s %5s %7s %6s\n", "method", "real", "1 %", "2 %", "5 %", "10 %", "all", "false", "cost")
	costs := make([]time.Duration, len(methods))
	for i, m := range methods {
		costs[i] = cost(m.Find, all)
	}
	for i, m := range methods {
		by, steps, person := bySet(), tally{}, tally{}
		for _, s := range all {
			one := offline(s, m.Find(s.Values))
			by[s.Set].add(one)
			if s.Set != set(0) {
				steps.add(one)
			}
		}
		for _, s := range fromPeople {
			person.add(offline(s, m.Find(s.Values)))
		}
		fmt.Fprintf(out, "%-42s %-14s", m.Name, fmt.Sprintf("%.2f/%.2f/%.2f", person.precision(), person.recall(), person.f1()))
		for _, size := range sizes[1:] {
			fmt.Fprintf(out, " %5.2f", by[set(size)].f1())
		}
		fmt.Fprintf(out, " %5.2f %7.2f %6.2f\n", steps.f1(), by[set(0)].falseAlarms(), float64(costs[i])/float64(costs[1]))
	}
	fmt.Fprintln(out, "\ncost: 1 is E-divisive.")
}

// valueByValue prints what each method finds while series grow.
func valueByValue(out io.Writer, methods []baseline.Method, some, fromPeople []labelled) {
	fmt.Fprintf(out, "\nValue by value, nothing taken back: false changes in 1,000 values,\n"+
		"steps found within %d values, median delay.\n\n", within)
	fmt.Fprintf(out, "%-42s %12s %12s %8s %8s %8s %6s\n", "method", "stable: even", "the others", "real", "2 %", "5 %", "delay")
	for _, m := range methods {
		by, even, hard, person := bySet(), tally{}, tally{}, tally{}
		for _, s := range some {
			one := online(s, m.Find)
			by[s.Set].add(one)
			switch {
			case s.Set != set(0):
			case s.Source == "autocorrelated" || s.Source == "two modes" || s.Source == "drift":
				hard.add(one)
			default:
				even.add(one)
			}
		}
		for _, s := range fromPeople {
			person.add(online(s, m.Find))
		}
		fmt.Fprintf(out, "%-42s %12.2f %12.2f %8.2f %8.2f %8.2f %6d\n", m.Name, even.falseAlarms(), hard.falseAlarms(), person.falseAlarms(),
			by[set(0.02)].recall(), by[set(0.05)].recall(), by[set(0.05)].delay())
	}
	fmt.Fprintln(out, "\neven: noise without correlation. the others: autocorrelated, two modes, drift.")
}

// cost is how long find takes for all series, the shorter of two tries.
func cost(find func([]float64) []int, all []labelled) time.Duration {
	shortest := time.Duration(1 << 62)
	for range 2 {
		start := time.Now()
		for _, s := range all {
			find(s.Values)
		}
		shortest = min(shortest, time.Since(start))
	}
	return shortest
}

// realOnes reads the real series.
func realOnes() (all []labelled, err error) {
	plain, err := gzip.NewReader(bytes.NewReader(realSeries))
	if err != nil {
		return nil, fmt.Errorf("real series: %w", err)
	}
	for lines := json.NewDecoder(plain); ; {
		var s labelled
		if err := lines.Decode(&s); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("real series: %w", err)
		}
		all = append(all, s)
	}
}

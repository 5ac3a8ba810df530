// Accuracy measures how well changes are found, by ours and by the methods of other tools. Of series: on those of our own generator, and
// on some real ones whose changes a person named. Of two versions, also in turns: how often identical code is called different and how
// often what differs is found, by simulation and on real processes. And how often intervals hold the truth. 'make accuracy' runs it.
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

// forks has what real processes measured of identical code.
//
//go:embed testdata/forks.jsonl.gz
var forks []byte

func main() {
	seed := flag.Uint64("seed", 1, "of the generator")
	each := flag.Int("each", 10, "series of each noise and size")
	grow := flag.Int("grow", 1, "of those, how many are also shown value by value")
	rounds := flag.Int("rounds", 300, "comparisons of 300 rows for each figure; the others have some times as many")
	asJSON := flag.Bool("json", false, "write the tables as JSON")
	flag.Parse()
	if err := run(os.Stdout, effort{*seed, *each, *grow, *rounds}, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
}

// effort is how much is simulated, from which seed.
type effort struct {
	seed               uint64
	each, grow, rounds int
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

func run(out io.Writer, e effort, asJSON bool) error {
	all := generated(e.seed, e.each)
	fromPeople, err := realOnes()
	if err != nil {
		return err
	}
	benchmarks, err := realForks()
	if err != nil {
		return err
	}
	methods := append([]baseline.Method{{Name: "tacho", Find: ours}}, baseline.All()...)
	tables := []table{
		atOnce(methods, all, fromPeople),
		valueByValue(methods, slices.DeleteFunc(slices.Clone(all), func(s labelled) bool { return s.Number >= e.grow }), fromPeople),
	}
	tables = append(tables, twoSamples(e, benchmarks)...)
	tables = append(tables, oneProcess(e)...)
	tables = append(tables, inTurns(e, benchmarks)...)
	tables = append(tables, coverage(e))
	if asJSON {
		return json.NewEncoder(out).Encode(tables)
	}
	for _, t := range tables {
		t.print(out)
	}
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

// atOnce is what each method finds when it is shown all values.
func atOnce(methods []baseline.Method, all, fromPeople []labelled) table {
	t := table{
		title: fmt.Sprintf("Changes in %d generated and %d real series, all values at once: precision, recall and F1 of the real ones,\n"+
			"F1 by size of step, false changes in 1,000 stable values, cost", len(all), len(fromPeople)),
		columns: columnsOf(2, "prec.", "rec.", "F1", "1 %", "2 %", "5 %", "10 %", "all", "false", "cost"),
		note:    "cost: 1 is E-divisive.",
	}
	costs := costsOf(methods, all)
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
		figures := []float64{person.precision(), person.recall(), person.f1()}
		for _, size := range sizes[1:] {
			figures = append(figures, by[set(size)].f1())
		}
		t.add(m.Name, append(figures, steps.f1(), by[set(0)].falseAlarms(), float64(costs[i])/float64(costs[1]))...)
	}
	return t
}

// valueByValue is what each method finds while series grow.
func valueByValue(methods []baseline.Method, some, fromPeople []labelled) table {
	t := table{
		title: fmt.Sprintf("Changes value by value, nothing taken back: false changes in 1,000 values,\n"+
			"steps found within %d values, median delay", within),
		columns: slices.Concat(columnsOf(2, "stable: even", "the others", "real", "2 %", "5 %"), columnsOf(0, "delay")),
		note:    "even: noise without correlation. the others: autocorrelated, two modes, drift.",
	}
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
		t.add(m.Name, even.falseAlarms(), hard.falseAlarms(), person.falseAlarms(), by[set(0.02)].recall(), by[set(0.05)].recall(),
			float64(by[set(0.05)].delay()))
	}
	return t
}

// costsOf is how long each method takes for all series: the shortest of several tries by turns, because others use the machine too.
func costsOf(methods []baseline.Method, all []labelled) []time.Duration {
	shortest := make([]time.Duration, len(methods))
	for try := range 5 {
		for i, m := range methods {
			start := time.Now()
			for _, s := range all {
				m.Find(s.Values)
			}
			if took := time.Since(start); try == 0 || took < shortest[i] {
				shortest[i] = took
			}
		}
	}
	return shortest
}

// realOnes reads the real series.
func realOnes() (all []labelled, err error) { return unzipped[labelled](realSeries, "real series") }

// unzipped reads JSON values from a compressed file of ours; what names it in errors.
func unzipped[T any](file []byte, what string) (all []T, err error) {
	plain, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	for lines := json.NewDecoder(plain); ; {
		var one T
		if err := lines.Decode(&one); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		all = append(all, one)
	}
}

// Planted makes projects whose changes are known, and says how what people are told of them compares with that.
//
// Without more it asks the core (changes of each line, grouped) of several projects. With -submit it sends the reports of one to a server,
// and with -ask it reads that server's events; -reports and -items do the same with files, for other tools. Of one seed all figures are the
// same in every run.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/tachograph/tacho/bench/accuracy/baseline"
)

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "of the first project")
	flag.Uint64Var(&o.projects, "projects", 20, "how many are given to the core")
	flag.BoolVar(&o.others, "others", false, "count what the methods of other tools find in the lines of the first one")
	flag.StringVar(&o.reports, "reports", "", "write the reports of the first one to this file, one JSON object a line")
	flag.StringVar(&o.items, "items", "",
		"evaluate the items in this file, a JSON list of {branch, testbed, first, last, benchmarks, machine}")
	flag.StringVar(&o.submit, "submit", "", "address of a server that the reports of the first one are sent to")
	flag.StringVar(&o.ask, "ask", "", "address of a server whose events are evaluated")
	flag.StringVar(&o.project, "project", "planted", "its name there")
	flag.Parse()
	if err := o.run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "planted:", err)
		os.Exit(1)
	}
}

type options struct {
	seed, projects                       uint64
	others                               bool
	reports, items, submit, ask, project string
}

func (o options) run(ctx context.Context, out io.Writer) error {
	p := plant(o.seed)
	switch {
	case o.reports != "":
		return p.writeReports(o.reports)
	case o.submit != "":
		return p.submit(ctx, o.submit, o.project)
	case o.items != "":
		raw, err := os.ReadFile(o.items)
		if err != nil {
			return err
		}
		var items []Item
		if err := json.Unmarshal(raw, &items); err != nil {
			return fmt.Errorf("%s: %w", o.items, err)
		}
		p.evaluate(items).print(out, o.seed)
	case o.ask != "":
		items, err := ask(ctx, o.ask, o.project)
		if err != nil {
			return err
		}
		p.evaluate(items).print(out, o.seed)
	case o.others:
		p.countOthers(out)
	default:
		for seed := o.seed; seed < o.seed+o.projects; seed++ {
			p := plant(seed)
			p.evaluate(p.byCore()).print(out, seed)
		}
	}
	return nil
}

// countOthers prints how many changes each method finds in all lines: what people are told who watch lines and not events.
func (p *project) countOthers(out io.Writer) {
	for _, m := range baseline.All() {
		n := 0
		for b := range branches {
			for t := range testbeds {
				for _, line := range p.values[b][t] {
					n += len(m.Find(line))
				}
			}
		}
		fmt.Fprintf(out, "%-42s %5d\n", m.Name, n)
	}
}

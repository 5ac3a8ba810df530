package sweep

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/suite"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// planFlags say which plan is made of a configuration.
type planFlags struct {
	config         string
	provider, typ  string
	hosts, repeats int
	budget         string
	ttl            time.Duration
	params         []string
	prices         []string
	unpriced       []string
	skip, watch    bool
	seed           uint64
}

func (f *planFlags) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.config, "config", "c", "", "configuration `file`; - is the standard input (default "+sweep.FileName+")")
	flags.StringVar(&f.provider, "provider", "", "only machines of this provider")
	flags.StringVar(&f.typ, "type", "", "only types or aliases that match this `pattern`, as in 'c8*'")
	flags.IntVar(&f.hosts, "hosts", 0, "machines of each type, instead of what the file says")
	flags.IntVar(&f.repeats, "repeats", 0, "processes on each machine, instead of what the file says")
	flags.StringVar(&f.budget, "budget", "", "the most that it may cost, in `dollars`")
	flags.DurationVar(&f.ttl, "ttl", 0, "how long a machine may live")
	flags.StringArrayVar(&f.params, "param", nil, "a parameter of the suite, as `NAME=VALUE`")
	flags.StringArrayVar(&f.prices, "prices", nil, "price sheet of your own, a CSV `file`; it goes before the one built in")
	flags.StringArrayVar(&f.unpriced, "unpriced", nil, "the most that a type without a price may cost, as `TYPE=DOLLARS` an hour; * "+
		"for all")
	flags.BoolVar(&f.skip, "skip-unpriced", false, "leave types without a price out")
	flags.BoolVar(&f.watch, "i-will-watch", false, "take providers that bill a machine that has powered itself off")
	flags.Uint64Var(&f.seed, "seed", 0, "of the random order of tasks; without it from the configuration")
}

func newPlan(env *cli.Env) *cobra.Command {
	var f planFlags
	var asJSON bool
	cmd := cli.Leaf("plan", "Say what a sweep would make and cost", []int{fault.ExitOK, fault.ExitUsage, fault.ExitTimedOut},
		func(*cobra.Command, []string) error {
			c, p, err := f.plan(env)
			if err != nil {
				return err
			}
			if asJSON {
				if err := cli.PrintJSON(env.Stdout, wire(c, p)); err != nil {
					return err
				}
			} else if err := printPlan(env, p); err != nil {
				return err
			}
			if why := p.OverBudget(); why != "" {
				return cli.Fail(fault.ExitTimedOut, "over budget: %s", why)
			}
			return nil
		})
	cmd.Args = cobra.NoArgs
	cmd.Long = `Say what a sweep would make and cost, without making anything: machines, tasks, expected and worst
cost by type, with the date and source of each price, and what is left out.

The worst cost is a bound: a machine ends by itself at its TTL. A machine is only made while what all of them
can still cost is within the budget, so a sweep cannot cost more than its budget.

A type without a price stops the plan. Name its price in the file (price: {TYPE: 0.05}) or in a sheet of your own:
CSV with the columns provider, type, per_hour, and if wanted region, date, extras, min_billed, vcpus, cores, arch.
Both earlier forms of ruby-cross-cloud configurations are read, too; the plan shows what they became.`
	cmd.Example = "  tacho sweep plan -c sweep.yaml\n  tacho sweep plan -c sweep.yaml --provider aws --type 'c8*' --hosts 5\n" +
		"  tacho sweep plan -c old.json --budget 5 --prices mine.csv --json"
	f.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// plan makes the plan of the flags.
func (f *planFlags) plan(env *cli.Env) (sweep.Config, sweep.Plan, error) {
	var none sweep.Config
	name := cmp.Or(f.config, sweep.FileName)
	if f.config == "" && !isFile(env, name) {
		return none, sweep.Plan{}, cli.Usage("no %s here; name the configuration with -c", name)
	}
	c, err := readConfig(env, name)
	if err != nil {
		return none, sweep.Plan{}, err
	}
	selection, err := f.selection()
	if err != nil {
		return none, sweep.Plan{}, err
	}
	if c, err = c.Select(selection); err != nil {
		return none, sweep.Plan{}, cli.Usage("%s", fault.Message(err))
	}
	params, err := f.planParams(env)
	if err != nil {
		return none, sweep.Plan{}, err
	}
	if c.Suite != "" {
		s, err := f.suiteOf(env, c)
		if err != nil {
			return none, sweep.Plan{}, err
		}
		if params.Params, err = s.Values(c.Params); err == nil {
			params.Workloads, err = s.Resolve(c.Params)
		}
		if err != nil {
			return none, sweep.Plan{}, cli.Usage("%s", fault.Message(err))
		}
	} else if len(c.Params) > 0 {
		return none, sweep.Plan{}, cli.Usage("--param is for suites, and %s has workloads of its own", name)
	}
	p, err := sweep.NewPlan(c, params)
	if problems, is := errors.AsType[sweep.Problems](err); is {
		return none, sweep.Plan{}, cli.Usage("%s: no plan: %s", name, strings.Join(problems, "; "))
	}
	return c, p, err
}

// suiteOf is the suite that a configuration names, looked for beside its file.
func (f *planFlags) suiteOf(env *cli.Env, c sweep.Config) (found, error) {
	base := filepath.Dir(cmp.Or(f.config, sweep.FileName))
	if f.config == "-" {
		base = "."
	}
	return openSuite(env, c.Suite, base)
}

func (f *planFlags) selection() (s sweep.Selection, err error) {
	s = sweep.Selection{Provider: f.provider, Type: f.typ, Hosts: f.hosts, Repeats: f.repeats, TTL: f.ttl}
	if f.hosts < 0 || f.repeats < 0 {
		return s, cli.Usage("--hosts and --repeats are whole numbers from 1 on")
	}
	if f.budget != "" {
		m, err := sweep.ParseMicros(f.budget)
		if err != nil || m == 0 {
			return s, cli.Usage("--budget %q: write dollars, more than 0, as in 5 or 2.50", f.budget)
		}
		s.Budget = &m
	}
	s.Params, err = readParams(f.params)
	return s, err
}

func (f *planFlags) planParams(env *cli.Env) (p sweep.PlanParams, err error) {
	p = sweep.PlanParams{Skip: f.skip, Watch: f.watch, Seed: f.seed, Ceilings: map[string]sweep.Micros{}}
	if p.Sheets, err = readSheets(env, f.prices); err != nil {
		return p, err
	}
	for _, one := range f.unpriced {
		typ, text, _ := strings.Cut(one, "=")
		m, err := sweep.ParseMicros(text)
		if err != nil || typ == "" {
			return p, cli.Usage("--unpriced %q: write TYPE=DOLLARS, as in c9g.medium=0.10, or *=0.10", one)
		}
		p.Ceilings[typ] = m
	}
	return p, nil
}

func printPlan(env *cli.Env, p sweep.Plan) error {
	what := cmp.Or(p.Suite, "workloads of the file")
	if values := pairs(p.Params); values != "" {
		what += " (" + values + ")"
	}
	fmt.Fprintf(env.Stdout, "%s: %s × %s on %s, each at most %s\n\n", term.Clean(what), cli.Counted(len(p.Workloads), "workload",
		"workloads"),
		cli.Counted(p.Repeats, "repeat", "repeats"), cli.Counted(p.Total.Machines, "machine", "machines"), suite.Short(p.TTL))
	table := term.Table{Titles: []string{"name", "type", "machines", "$/hour", "busy", "expected", "worst", "price"},
		Right: []bool{false, false, true, true, true, true, true, false}}
	for i, pool := range p.Pools {
		where := pool.Provider
		if len(pool.Regions) > 0 {
			where += " " + pool.Regions[0]
		}
		if pool.Market == sweep.Spot {
			where += ", spot"
		}
		row := []string{pool.Alias, pool.Type + " (" + where + ")", strconv.Itoa(pool.Hosts)}
		if pool.Skipped != nil {
			row = append(row, "", "", "", "", "left out: "+string(pool.Skipped.Reason))
		} else {
			c := p.Costs[i]
			row = append(row, pool.Price.PerHour.String()[1:], suite.Short(c.Busy), c.Expected.Cents(), c.Worst.Cents(),
				strings.TrimSpace(pool.Price.Source+" "+pool.Price.Date))
		}
		cells := make([]term.Cell, len(row))
		for i, text := range row {
			cells[i] = term.Text(text)
		}
		table.Add(cells...)
	}
	table.Add(term.Text("total"), term.Text(""), term.Text(strconv.Itoa(p.Total.Machines)), term.Text(""),
		term.Text(suite.Short(p.Total.Busy)),
		term.Text(p.Total.Expected.Cents()), term.Text(p.Total.Worst.Cents()), term.Text(""))
	if err := table.Write(env.Out()); err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "\n%s. The order of each machine's tasks is random, by seed %d.\n", cli.Counted(len(p.Tasks), "task",
		"tasks"), p.Seed)
	if p.Budget > 0 {
		fmt.Fprintf(env.Stdout, "Budget %s. Prices include disk and address of a machine.\n", p.Budget)
	}
	for _, pool := range p.Pools {
		if pool.Skipped != nil {
			fmt.Fprintf(env.Stderr, "tacho: left out: %s\n", term.Clean(pool.Skipped.Sentence))
		}
	}
	for _, w := range p.Warnings {
		fmt.Fprintf(env.Stderr, "tacho: %s\n", term.Clean(w))
	}
	return nil
}

// wire is a plan for programs.
func wire(c sweep.Config, p sweep.Plan) api.SweepPlan {
	out := api.SweepPlan{Suite: p.Suite, Params: p.Params, ConfigHash: c.Hash(), Seed: strconv.FormatUint(p.Seed, 10),
		TTLSeconds: int64(p.TTL.Seconds()), Repeats: p.Repeats, ExpectedMicros: int64(p.Total.Expected), WorstMicros: int64(p.Total.Worst),
		Machines: p.Total.Machines, Tasks: len(p.Tasks), OverBudget: p.OverBudget(), Workloads: wireWorkloads(p.Workloads),
		Pools: []api.SweepPlanPool{}, Warnings: append([]string{}, p.Warnings...)}
	if p.Budget > 0 {
		budget := int64(p.Budget)
		out.BudgetMicros = &budget
	}
	for i, pool := range p.Pools {
		to := api.SweepPlanPool{Name: pool.Alias, Provider: pool.Provider, Regions: pool.Regions, InstanceType: pool.Type,
			Market: string(pool.Market), Architecture: pool.Arch, VCPUs: pool.VCPUs, Cores: pool.Cores, Share: string(pool.Share),
			Testbed: pool.Testbed(), Machines: p.Costs[i].Machines, BusySeconds: int64(p.Costs[i].Busy.Seconds()),
			ExpectedMicros: int64(p.Costs[i].Expected), WorstMicros: int64(p.Costs[i].Worst)}
		if pool.Price.Known {
			price := int64(pool.Price.PerHour)
			to.PerHourMicros, to.PriceSource, to.PriceDate = &price, pool.Price.Source, pool.Price.Date
		}
		if pool.Skipped != nil {
			to.Skipped, to.SkippedBecause = string(pool.Skipped.Reason), pool.Skipped.Sentence
		}
		out.Pools = append(out.Pools, to)
	}
	return out
}

func wireWorkloads(workloads []suite.Workload) []api.PlannedWorkload {
	out := []api.PlannedWorkload{}
	for _, w := range workloads {
		out = append(out, api.PlannedWorkload{Name: w.Name, Image: w.Image, Cmd: w.Cmd, Adapter: w.Adapter,
			TimeoutSeconds: int64(w.Timeout.Seconds()), ExpectSeconds: int64(w.Expect.Seconds())})
	}
	return out
}

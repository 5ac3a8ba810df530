package sweep

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/policy"
	"github.com/tachograph/tacho/internal/core/suite"
)

// PlanParams are what a plan needs beside the configuration.
type PlanParams struct {
	Workloads []suite.Workload  // those of the suite; nil: the configuration's own
	Params    map[string]string // of the suite, with defaults
	Sheets    []*Sheet          // prices; of several that have one the first holds
	Ceilings  map[string]Micros // the most that types without a price may cost, an hour; "*" is for all of them
	Skip      bool              // leave types without a price out, instead of refusing the plan
	Watch     bool              // whoever runs the sweep watches machines whose timer does not end their bill
	Seed      uint64            // of the order of tasks; 0: from the configuration
	Usual     func(testbed, workload string) (time.Duration, bool)
	// Usual is how long a workload took on a testbed before; nil: not known
}

// bootTime is how long a machine is thought to take from the call that makes it to its first task.
const bootTime = 3 * time.Minute

// BilledAfter is how long after its expiry a machine may still be billed: its own timer, its shutdown, and the provider's word for it.
const BilledAfter = 2 * time.Minute

// worst is what one machine of a pool is billed at most if it lives until its TTL.
func (p Pool) worst(ttl time.Duration) Micros { return p.Price.Cost(ttl + BilledAfter) }

// Selection narrows a configuration, as flags do.
type Selection struct {
	Provider string // "" for all
	Type     string // pattern with * and ?, on types and aliases; "" for all
	Hosts    int    // 0: as the configuration says
	Repeats  int
	Budget   *Micros
	TTL      time.Duration
	Params   map[string]string // added to those of the configuration
}

// Select returns the configuration narrowed. If nothing remains that is an Invalid fault.
func (c Config) Select(s Selection) (Config, error) {
	if s.Provider != "" && !KnownProvider(s.Provider) {
		return c, fault.Invalidf("%s", unknownProvider(s.Provider))
	}
	pattern := policy.Pattern{Text: cmp.Or(s.Type, "*")}
	targets := c.Targets
	c.Targets = nil
	for _, t := range targets {
		if s.Provider != "" && t.Provider != s.Provider {
			continue
		}
		types := t.Types
		t.Types = nil
		for _, one := range types {
			if pattern.Matches(one.Name) || one.Alias != "" && pattern.Matches(one.Alias) {
				if s.Hosts > 0 {
					one.Hosts = 0
				}
				t.Types = append(t.Types, one)
			}
		}
		if len(t.Types) > 0 {
			c.Targets = append(c.Targets, t)
		}
	}
	if len(c.Targets) == 0 {
		return c, fault.Invalidf("no type of the sweep is left by provider %q and type %q", cmp.Or(s.Provider, "*"), cmp.Or(s.Type, "*"))
	}
	c.Hosts, c.Repeats, c.TTL = cmp.Or(s.Hosts, c.Hosts), cmp.Or(s.Repeats, c.Repeats), cmp.Or(s.TTL, c.TTL)
	switch {
	case c.Hosts < 1 || c.Hosts > limits.SweepHosts:
		return c, fault.Invalidf("hosts %d: use a whole number from 1 to %d", c.Hosts, limits.SweepHosts)
	case c.Repeats < 1 || c.Repeats > limits.SweepRepeats:
		return c, fault.Invalidf("repeats %d: use a whole number from 1 to %d", c.Repeats, limits.SweepRepeats)
	case c.TTL < time.Second || c.TTL > limits.SweepTTLMost:
		return c, fault.Invalidf("ttl %v: use a time from 1s to %s", c.TTL, suite.Short(limits.SweepTTLMost))
	}
	if s.Budget != nil {
		c.Budget = s.Budget
	}
	if len(s.Params) > 0 {
		params := maps.Clone(c.Params)
		if params == nil {
			params = map[string]string{}
		}
		maps.Copy(params, s.Params)
		c.Params = params
	}
	return c, nil
}

// Problems are why there is no plan, each a sentence.
type Problems []string

func (p Problems) Error() string { return strings.Join(p, "\n") }

// NewPlan makes the plan of a configuration. The error is Problems, at most 20. A plan that is over its budget is a plan; OverBudget says
// so.
func NewPlan(c Config, params PlanParams) (Plan, error) {
	b := builder{config: c, params: params}
	b.plan = Plan{Suite: c.Suite, Params: params.Params, Seed: params.Seed, Repeats: c.Repeats, TTL: c.TTL, Workloads: params.Workloads,
		Warnings: slices.Clone(c.Notes)}
	if b.plan.Seed == 0 {
		digits, _ := strconv.ParseUint(c.Hash()[:16], 16, 64)
		b.plan.Seed = max(digits, 1)
	}
	if b.plan.Workloads == nil {
		b.plan.Workloads = c.Workloads
	}
	if c.Budget != nil {
		b.plan.Budget = *c.Budget
	}
	b.pools()
	b.names()
	b.checkTime()
	b.slots()
	b.costs()
	if len(b.problems) > 0 {
		return Plan{}, b.problems[:min(len(b.problems), limits.SweepProblems)]
	}
	return b.plan, nil
}

type builder struct {
	config   Config
	params   PlanParams
	plan     Plan
	problems Problems
}

func (b *builder) wrong(form string, args ...any) {
	b.problems = append(b.problems, fmt.Sprintf(form, args...))
}

func (b *builder) warn(form string, args ...any) {
	b.plan.Warnings = append(b.plan.Warnings, fmt.Sprintf(form, args...))
}

// pools makes a pool of each type.
func (b *builder) pools() {
	machines, noRegion := 0, map[string]bool{}
	for _, t := range b.config.Targets {
		if len(t.Regions) == 0 && homes[t.Provider] != "" {
			t.Regions = []string{homes[t.Provider]}
			if !noRegion[t.Provider] {
				b.warn("%s: no regions are given; %s is taken, whose prices are known", t.Provider, t.Regions[0])
			}
			noRegion[t.Provider] = true
		}
		for _, one := range t.Types {
			p := Pool{Provider: t.Provider, Regions: t.Regions, Zones: t.Zones, Type: one.Name, Alias: one.Alias, Market: t.Market,
				Arch: one.Arch, Module: t.Module, Hosts: cmp.Or(one.Hosts, b.config.Hosts), Share: b.config.Share}
			b.price(&p, t)
			if n, err := strconv.Atoi(string(p.Share)); err == nil && p.VCPUs > 0 && n > p.VCPUs {
				b.wrong("share %d: %s has %d CPUs", n, p.Type, p.VCPUs)
			}
			machines += p.Hosts
			b.plan.Pools = append(b.plan.Pools, p)
		}
		if k := slices.IndexFunc(providers, func(p provider) bool { return p.name == t.Provider }); k >= 0 && providers[k].powerOffKeeps &&
			!b.params.Watch {
			b.wrong("%s bills a machine that has powered itself off, so its own timer does not end the bill; run the sweep in a server, "+
				"or say --i-will-watch and stay until it has ended", t.Provider)
		}
	}
	if machines > limits.SweepMachines {
		b.wrong("%d machines, more than %d; split the sweep into several", machines, limits.SweepMachines)
	}
}

// price finds what a pool costs, in the dearest of its regions.
func (b *builder) price(p *Pool, t Target) {
	free := slices.ContainsFunc(providers, func(one provider) bool { return one.name == p.Provider && one.free })
	_, cloud := homes[p.Provider]
	own, named := t.Prices[p.Type]
	regions := p.Regions
	if len(regions) == 0 {
		regions = []string{""}
	}
	var missing string
	for _, region := range regions {
		found := false
		for _, s := range b.params.Sheets {
			o, ok := s.Find(p.Provider, region, p.Type)
			if !ok {
				continue
			}
			p.VCPUs, p.Cores = cmp.Or(p.VCPUs, o.VCPUs), cmp.Or(p.Cores, o.Cores)
			if p.Arch == "" {
				p.Arch = o.Arch
			}
			if !found && o.PerHour.Plus(o.Extras) >= p.Price.PerHour {
				p.Price = Price{PerHour: o.PerHour.Plus(o.Extras), Known: true, Source: s.Source, Date: o.Date, MinBilled: o.MinBilled}
			}
			found = true
		}
		if !found && missing == "" {
			missing = cmp.Or(region, p.Provider)
		}
	}
	switch ceiling, capped := b.ceiling(p.Type); {
	case named:
		p.Price = Price{PerHour: own, Known: true, Source: "configuration"}
		if cloud {
			p.Price.PerHour, p.Price.MinBilled = own.Plus(extras), billedLeast
		}
	case missing == "":
		if p.Market == Spot {
			p.Price.Source += ", on demand: spot costs no more"
		}
	case free:
		p.Price = Free()
	case capped:
		// Another region of the pool may have a price, which may be higher: the budget has to bear the highest.
		p.Price = Price{PerHour: max(ceiling, p.Price.PerHour), Known: true, Source: "ceiling", MinBilled: max(billedLeast, p.Price.MinBilled)}
	default:
		p.Price = Price{}
		b.unpriced(p, missing)
	}
}

func (b *builder) ceiling(typ string) (Micros, bool) {
	if m, ok := b.params.Ceilings[typ]; ok {
		return m, true
	}
	m, ok := b.params.Ceilings["*"]
	return m, ok
}

// unpriced refuses a pool without a price, or skips it.
func (b *builder) unpriced(p *Pool, missing string) {
	reason, why := SkipUnknownType, fmt.Sprintf("%s: no price sheet has a type %q of %s", p.Provider, p.Type, p.Provider)
	for _, s := range b.params.Sheets {
		if at := s.Elsewhere(p.Provider, p.Type); len(at) > 0 {
			reason = SkipUnpriced
			why = fmt.Sprintf("%s: the price of %s is known for %s, not for %s", p.Provider, p.Type, strings.Join(at, ", "), missing)
			break
		}
		if near := s.nearestType(p.Provider, p.Type); near != "" {
			why += fmt.Sprintf("; did you mean %s?", near)
			break
		}
	}
	if p.Provider == "terraform" || p.Provider == "kubernetes" {
		reason, why = SkipUnpriced, fmt.Sprintf("%s: %s has no price", p.Provider, p.Type)
	}
	if b.params.Skip {
		p.Skipped = &Skip{reason, why}
		return
	}
	b.wrong("%s; name its price (price: {%s: 0.05}, or --prices FILE) or the most that it may cost (--unpriced %s=0.05), or leave "+
		"out what has none (--skip-unpriced)", why, p.Type, p.Type)
}

// names gives each pool a name that is unique in the plan.
func (b *builder) names() {
	met, same := map[string]bool{}, map[string]bool{}
	for _, p := range b.plan.Pools {
		if key := p.key(); same[key] {
			b.wrong("%s %s is in the sweep twice with the same region and market; raise its hosts instead", p.Provider, p.Type)
		} else {
			same[key] = true
		}
		if p.Alias == "" {
			continue
		}
		if met[p.Alias] {
			b.wrong("alias %q is given to two types; results are kept by it", p.Alias)
		}
		met[p.Alias] = true
	}
	for i := range b.plan.Pools {
		p := &b.plan.Pools[i]
		if p.Alias != "" {
			continue
		}
		name := p.Type
		for _, more := range append([]string{p.Provider}, p.Regions...) {
			if met[name] {
				name += "-" + more
			}
		}
		if met[name] {
			name += "-" + string(p.Market)
		}
		for n := 2; met[name]; n++ {
			name = fmt.Sprintf("%s-%d", p.Type, n)
		}
		p.Alias, met[name] = name, true
	}
}

// key is the same for pools that are the same.
func (p Pool) key() string {
	return strings.Join([]string{p.Provider, strings.Join(p.Regions, ","), strings.Join(p.Zones, ","), p.Type, string(p.Market),
		p.Module}, "/")
}

// checkTime refuses a life that is too short for the work.
func (b *builder) checkTime() {
	longest, all, thought := time.Duration(0), time.Duration(0), time.Duration(0)
	for _, w := range b.plan.Workloads {
		longest = max(longest, w.Timeout)
		all += w.Timeout * time.Duration(b.plan.Repeats)
		thought += w.Expect * time.Duration(b.plan.Repeats)
	}
	switch need := bootTime + longest; {
	case len(b.plan.Workloads) == 0:
		b.wrong("nothing to run: the sweep has no workloads")
	case b.plan.TTL < need:
		b.wrong("ttl %s is shorter than the longest workload: a machine needs %s to boot and may work for %s; make ttl %s or more",
			suite.Short(b.plan.TTL), suite.Short(bootTime), suite.Short(longest), suite.Short(need))
	case b.plan.TTL < bootTime+thought:
		b.wrong("ttl %s is shorter than the work of one machine: %s to boot and %s for its tasks; make ttl longer or repeats fewer",
			suite.Short(b.plan.TTL), suite.Short(bootTime), suite.Short(thought))
	case b.plan.TTL < bootTime+all:
		b.warn("if each task takes its whole timeout, ttl %s ends a machine before its last ones; %s would be enough",
			suite.Short(b.plan.TTL), suite.Short(bootTime+all))
	}
}

// slots makes the slots and their tasks, each slot's in a random order that depends on the seed, the pool's name and the ordinal only:
// another pool in the sweep changes no order.
func (b *builder) slots() {
	p := &b.plan
	each, machines := len(p.Workloads)*p.Repeats, 0
	for _, pool := range p.Pools {
		if pool.Skipped == nil {
			machines += pool.Hosts
		}
	}
	if machines*each > limits.SweepTasks {
		b.wrong("%d tasks, more than %d; use fewer hosts or repeats", machines*each, limits.SweepTasks)
	}
	if len(b.problems) > 0 {
		return
	}
	p.Slots, p.Tasks = make([]Slot, 0, machines), make([]Task, 0, machines*each)
	for i, pool := range p.Pools {
		if pool.Skipped != nil {
			continue
		}
		for ordinal := range pool.Hosts {
			slot := len(p.Slots)
			p.Slots = append(p.Slots, Slot{Pool: i, Ordinal: ordinal + 1})
			for _, task := range TasksOfSlot(len(p.Workloads), p.Repeats, p.Seed, pool.Alias, ordinal+1) {
				task.Slot = slot
				p.Tasks = append(p.Tasks, task)
			}
		}
	}
}

// costs sums up.
func (b *builder) costs() {
	p := &b.plan
	if len(b.problems) > 0 {
		return
	}
	paid, unknown := false, map[string]bool{}
	p.Costs = make([]Cost, len(p.Pools))
	for i, pool := range p.Pools {
		if pool.Skipped != nil {
			continue
		}
		c := Cost{Machines: pool.Hosts, Busy: bootTime}
		if pool.Price.Source == Free().Source {
			c.Busy = 0
		}
		for _, w := range p.Workloads {
			took, known := time.Duration(0), false
			if b.params.Usual != nil {
				took, known = b.params.Usual(pool.Testbed(), w.Name)
			}
			if !known {
				took = cmp.Or(w.Expect, w.Timeout)
				unknown[w.Name] = unknown[w.Name] || w.Expect == 0
			}
			c.Busy += took * time.Duration(rounds(p.Repeats, pool))
		}
		c.Busy = min(c.Busy, p.TTL)
		c.Expected, c.Worst = pool.Price.Cost(c.Busy).Times(pool.Hosts), pool.worst(p.TTL).Times(pool.Hosts)
		paid = paid || pool.Price.PerHour > 0
		p.Costs[i] = c
		p.Total.Machines += c.Machines
		p.Total.Busy = max(p.Total.Busy, c.Busy)
		p.Total.Expected, p.Total.Worst = p.Total.Expected.Plus(c.Expected), p.Total.Worst.Plus(c.Worst)
	}
	for _, name := range slices.Sorted(maps.Keys(unknown)) {
		if unknown[name] {
			b.warn("workload %s says no expect; its timeout is taken for the expected cost", name)
		}
	}
	switch {
	case p.Total.Machines == 0:
		b.wrong("no machine is left: every type is skipped")
	case paid && b.config.Budget == nil:
		b.wrong("budget is missing: machines of this sweep cost up to %s; write budget: %s or give --budget", p.Total.Worst.Cents(),
			p.Total.Worst.Cents()[1:])
	case p.OverBudget() == "" && paid && p.Total.Worst > p.Budget:
		b.warn("not all machines at once: together they could cost %s until their ttl, more than the budget of %s; some wait until others "+
			"have ended", p.Total.Worst.Cents(), p.Budget)
	}
}

// rounds is how often one after the other a workload runs on a machine whose share lets tasks run beside each other.
func rounds(repeats int, p Pool) int {
	beside := 1
	switch n, err := strconv.Atoi(string(p.Share)); {
	case err == nil && n > 0:
		beside = p.VCPUs / n
	case p.Share == PerCore:
		beside = p.Cores
	case p.Share == PerVCPU:
		beside = p.VCPUs
	}
	beside = max(beside, 1)
	return (repeats + beside - 1) / beside
}

// OverBudget says why the plan cannot be done within its budget: a sentence, or "" if it can. A machine is only made if what it may cost
// until its TTL is left of the budget, so each must fit, and what is expected of all of them together must.
func (p Plan) OverBudget() string {
	for i, pool := range p.Pools {
		one := pool.worst(p.TTL)
		if pool.Skipped == nil && pool.Price.PerHour > 0 && one > p.Budget {
			return fmt.Sprintf("one %s may cost %s until its ttl of %s, more than the budget of %s; make ttl shorter or budget larger",
				p.Pools[i].Alias, one.Cents(), suite.Short(p.TTL), p.Budget)
		}
	}
	if p.Total.Expected > p.Budget && p.Total.Expected > 0 {
		return fmt.Sprintf("the sweep is expected to cost %s, more than the budget of %s", p.Total.Expected.Cents(), p.Budget)
	}
	return ""
}

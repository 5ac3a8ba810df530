package sweep

import (
	"time"

	"github.com/tachograph/tacho/internal/core/suite"
)

// Market is how a machine is bought.
type Market string

// The markets.
const (
	OnDemand Market = "on_demand"
	Spot     Market = "spot" // cheaper; the provider may take the machine back at any time
)

// Share is the part of a machine that a task gets: machine, core, vcpu, or a number of CPUs. Tasks on one machine that run beside each
// other are never pooled with tasks that had it alone.
type Share string

// The shares that have a name.
const (
	WholeMachine Share = "machine"
	PerCore      Share = "core"
	PerVCPU      Share = "vcpu"
)

// Price is what a machine of a pool costs.
type Price struct {
	PerHour   Micros
	Known     bool          // false: PerHour means nothing, and nothing may be started
	Source    string        // whose price it is: "cloudspecs", a file's name, "provider", "ceiling"
	Date      string        // the day for which it holds, 2026-07-22; "" for a ceiling
	MinBilled time.Duration // what a machine is billed at least
}

// Free is the price of machines that nobody bills.
func Free() Price { return Price{Known: true, Source: "free"} }

// Skip is why a pool takes no part.
type Skip struct {
	Reason   SkipReason
	Sentence string // for people: what, why, and the way out
}

// SkipReason is why a pool takes no part, for programs.
type SkipReason string

// The reasons. A plan gives the first three, a controller the others.
const (
	SkipUnpriced    SkipReason = "unpriced"       // no price, and no ceiling was named
	SkipUnknownType SkipReason = "unknown_type"   // the provider's list has no such type
	SkipNotOffered  SkipReason = "not_offered"    // the type is in none of the regions
	SkipCapacity    SkipReason = "capacity"       // none to be had in any zone until the deadline
	SkipQuota       SkipReason = "quota"          // the account may not have one more
	SkipUnsupported SkipReason = "unsupported"    // the provider refuses the combination
	SkipNeverCame   SkipReason = "never_came"     // machines booted and never enrolled
	SkipSuspect     SkipReason = "suspect"        // machines were not what the pool says
	SkipLost        SkipReason = "heartbeat_lost" // machines were lost before they had done anything
	SkipOverBudget  SkipReason = "over_budget"    // no money left for it
	SkipCredentials SkipReason = "credentials"    // the provider does not accept the credentials
)

// Pool is the machines of a sweep that are alike.
type Pool struct {
	Provider string
	Regions  []string // in the order in which they are tried; empty: the provider has none
	Zones    []string // of the first region; empty: any
	Type     string   // instance type, as the provider calls it
	Alias    string   // what people call it; never empty in a plan, and unique in it
	Market   Market
	Arch     string // amd64 or arm64; "" while it is not known
	VCPUs    int    // 0 while it is not known
	Cores    int    // 0 while it is not known
	Module   string // of the provider terraform
	Hosts    int    // machines wanted: the sample size of every claim about the type
	Price    Price
	Share    Share
	Skipped  *Skip // nil: it takes part
}

// Testbed is the name of the testbed on which results of the pool are kept, the same for each sweep, so that a type over months is one
// series: provider/type, with the share if it is not the whole machine.
func (p Pool) Testbed() string {
	name := p.Provider + "/" + p.Type
	if p.Share != "" && p.Share != WholeMachine {
		name += "/" + string(p.Share)
	}
	return name
}

// Slot is one machine's place in a pool.
type Slot struct {
	Pool    int // in Plan.Pools
	Ordinal int // within the pool, from 1
}

// Task is one process of a workload on the machine of a slot.
type Task struct {
	Slot     int // in Plan.Slots
	Workload int // in Plan.Workloads
	Repeat   int // from 1
	Place    int // in the order of its slot, from 1: tasks of a slot run one after the other
}

// Plan is what a configuration comes to, before anything is made. Pools that are skipped are listed and have no slots.
type Plan struct {
	Suite     string // "" for workloads of the configuration's own
	Params    map[string]string
	Seed      uint64 // of the orders
	Repeats   int
	TTL       time.Duration // how long a machine may live
	Budget    Micros        // 0: none, all machines are free
	Workloads []suite.Workload
	Pools     []Pool
	Slots     []Slot
	Tasks     []Task // by slot, and in a slot by place
	Costs     []Cost // of each pool
	Total     Cost
	Warnings  []string
}

// Cost is money and time as a plan sees them.
type Cost struct {
	Machines int
	Busy     time.Duration // expected, of one machine: its tasks and its first minutes
	Expected Micros        // of all machines
	Worst    Micros        // if each machine lives until its TTL: what the budget is held against
}

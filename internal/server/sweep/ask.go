package sweep

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/host"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	coreseries "github.com/tachograph/tacho/internal/core/series"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/report/results"
)

// ask is a request that was checked for itself: what can be known without the database is right.
type ask struct {
	row   Sweep // without project, state and times
	pools []Pool
	news  []api.NewPool // of the same pools
}

// defaultBranch is the branch of sweeps that name none: results of sweeps are not what was measured on a branch of the source by accident.
const defaultBranch = "sweep"

// newAsk checks a request. Errors are Invalid or TooLarge faults that name the field.
func newAsk(in api.NewSweep) (a ask, err error) {
	if err := ident.CheckName("sweep", cmp.Or(in.Name, in.ID), limits.ResourceNameBytes); err != nil {
		return a, err
	}
	if !isExternalID(in.ID) {
		return a, fault.Invalidf("sweep %.70q: want an id of 1 to 64 letters, digits, '.', '_' or '-', as a string", in.ID)
	}
	a.row = Sweep{ExternalID: in.ID, Name: cmp.Or(in.Name, in.ID), Sweep: ledger.Sweep{Budget: core.Micros(in.Budget)},
		TTL: time.Duration(min(in.TTL, int64(limits.SweepTTLMost/time.Second)+1)) * time.Second,
		Plan: Plan{Branch: cmp.Or(in.Branch, defaultBranch), Hash: in.Hash, Suite: in.Suite, Params: in.Params, Seed: in.Seed,
			Repeats: in.Repeats, Workloads: in.Workloads, Expected: in.Expected}}
	if a.row.Config, err = canonical(in.Config); err != nil {
		return a, err
	}
	if a.row.ConfigHash, err = hashOf(in, a.row.Config); err != nil {
		return a, err
	}
	if a.row.Plan.Hash, err = coreseries.Hash(in.Hash, nil); err != nil {
		return a, err
	}
	if err := a.checkSeed(in.ID); err != nil {
		return a, err
	}
	for _, check := range []func() error{a.checkWorkloads, a.checkTime, func() error { return a.setPools(in.Pools) }, a.checkSize,
		a.checkMoney} {
		if err := check(); err != nil {
			return a, err
		}
	}
	return a, nil
}

func isExternalID(s string) bool {
	rest := strings.Trim(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-")
	return s != "" && len(s) <= 64 && rest == "" && !strings.ContainsAny(s[:1], "._-")
}

// canonical is a configuration with its keys in order and its numbers as they were written.
func canonical(raw json.RawMessage) (string, error) {
	if len(raw) == 0 {
		return "{}", nil
	}
	if len(raw) > limits.SweepConfig {
		return "", fault.TooLargef("config: %d bytes, the limit is %d", len(raw), limits.SweepConfig)
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return "", fault.Wrap(fault.Invalid, err, "config: it is not JSON")
	}
	if _, err := d.Token(); err != io.EOF {
		return "", fault.Invalidf("config: more than one JSON value")
	}
	return text(v)
}

func hashOf(in api.NewSweep, config string) (string, error) {
	in.Config = json.RawMessage(config)
	raw, err := json.Marshal(in)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "sweep %q: it holds a number that cannot be kept", in.ID)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}

// checkSeed makes the seed of the orders of tasks of the id, if the request has none.
func (a *ask) checkSeed(id string) error {
	if a.row.Plan.Seed == "" {
		sum := sha256.Sum256([]byte(id))
		a.row.Plan.Seed = strconv.FormatUint(binary.BigEndian.Uint64(sum[:]), 10)
	}
	if _, err := strconv.ParseUint(a.row.Plan.Seed, 10, 64); err != nil {
		return fault.Invalidf("seed %.30q: want a whole number below 2^64", a.row.Plan.Seed)
	}
	return nil
}

func (a *ask) checkWorkloads() error {
	plan := &a.row.Plan
	if len(plan.Workloads) == 0 {
		return fault.Invalidf("workloads: missing; name at least one command of an image")
	}
	seen := map[string]bool{}
	for i := range plan.Workloads {
		w := &plan.Workloads[i]
		if err := ident.CheckName("workload", w.Name, limits.ResourceNameBytes); err != nil {
			return err
		}
		if err := ident.CheckBranchName(branchOf(plan.Branch, w.Name)); err != nil {
			return fault.Wrap(fault.Invalid, err,
				"workload %q: results go to the branch %q, which git would not accept; use letters, digits, - "+
					"and _ in the name", w.Name, branchOf(plan.Branch, w.Name))
		}
		switch {
		case seen[w.Name]:
			return fault.Invalidf("workload %q: there are two of this name", w.Name)
		case w.Image == "":
			return fault.Invalidf("workload %q: the image is missing", w.Name)
		case w.Timeout < 1:
			return fault.Invalidf("workload %q: a timeout of %d s, want at least 1 s", w.Name, w.Timeout)
		}
		seen[w.Name] = true
		adapter, err := results.CheckSettings(api.ReportSettings{Adapter: w.Adapter})
		if err != nil {
			return fault.Wrap(fault.Of(err), err, "workload %q: %s", w.Name, fault.Message(err))
		}
		w.Adapter = string(adapter)
		if err := checkAssertions(*w); err != nil {
			return err
		}
	}
	return checkExpected(plan.Expected)
}

func (a *ask) checkTime() error {
	if a.row.TTL < limits.SweepTTLLeast || a.row.TTL > limits.SweepTTLMost {
		return fault.Invalidf("ttl: want %d to %d seconds", int(limits.SweepTTLLeast.Seconds()), int(limits.SweepTTLMost.Seconds()))
	}
	for _, w := range a.row.Plan.Workloads {
		if w.Timeout > int64(a.row.TTL/time.Second) {
			return fault.Invalidf(
				"ttl %d s is shorter than the timeout of workload %q, %d s: its machine could end first; make ttl longer or the "+
					"timeout shorter", int(a.row.TTL.Seconds()), w.Name, w.Timeout)
		}
	}
	return nil
}

func (a *ask) setPools(in []api.NewPool) error {
	if len(in) > limits.SweepPools {
		return fault.Invalidf("pools: %d, the limit is %d", len(in), limits.SweepPools)
	}
	seen, part := map[string]bool{}, false
	for _, one := range in {
		p, err := newPool(one)
		if err != nil {
			return err
		}
		if seen[p.Alias] {
			return fault.Invalidf("pool %q: there are two of this alias; give one of them another", p.Alias)
		}
		seen[p.Alias] = true
		part = part || p.Skipped == nil
		a.pools, a.news = append(a.pools, p), append(a.news, one)
	}
	if !part {
		return fault.Invalidf("pools: none takes part, so nothing would be measured")
	}
	return nil
}

func newPool(in api.NewPool) (p Pool, err error) {
	alias := cmp.Or(in.Alias, in.Type)
	for what, name := range map[string]string{"provider": in.Provider, "type": in.Type, "alias": alias} {
		if err := ident.CheckName(what, name, limits.ResourceNameBytes); err != nil {
			return p, err
		}
	}
	p.Pool.Pool = core.Pool{Provider: in.Provider, Regions: in.Regions, Zones: in.Zones, Type: in.Type, Alias: alias,
		Market: core.Market(cmp.Or(in.Market, string(core.OnDemand))), Arch: host.OCIArchitecture(in.Arch), VCPUs: in.VCPUs,
		Cores:  in.Cores,
		Module: in.Module, Hosts: in.Hosts, Price: priceOf(in.Price), Share: core.Share(cmp.Or(in.Share, string(core.WholeMachine)))}
	p.Slack, p.MemoryBytes = time.Duration(min(in.Slack, 86_400))*time.Second, cmp.Or(in.Memory, int64(max(1, in.VCPUs))*limits.SweepMemory)
	if in.OnDemand != nil {
		p.OnDemand = priceOf(*in.OnDemand)
	}
	if in.Deadline != nil {
		p.Deadline = *in.Deadline
	}
	if in.Skipped != nil {
		p.Skipped = &core.Skip{Reason: core.SkipReason(in.Skipped.Reason), Sentence: in.Skipped.Sentence}
	}
	if p.Testbed = p.Pool.Testbed(); len(p.Testbed) > limits.ResourceNameBytes {
		return p, fault.Invalidf("pool %q: its testbed %q is longer than %d bytes", alias, p.Testbed, limits.ResourceNameBytes)
	}
	if p.Skipped != nil {
		return p, nil
	}
	if max(in.VCPUs, in.Cores) > limits.SweepCPUs {
		return p, fault.Invalidf("pool %q: %d CPUs, the limit is %d", alias, max(in.VCPUs, in.Cores), limits.SweepCPUs)
	}
	n, err := strconv.Atoi(string(p.Share))
	named := p.Share == core.WholeMachine || p.Share == core.PerCore || p.Share == core.PerVCPU
	switch {
	case p.Arch == "":
		return p, fault.Invalidf("pool %q: architecture %.20q, want amd64 or arm64", alias, in.Arch)
	case in.Hosts < 1 || in.Hosts > limits.SweepMachines:
		return p, fault.Invalidf("pool %q: %d hosts, want 1 to %d", alias, in.Hosts, limits.SweepMachines)
	case !p.Price.Known:
		return p, fault.Invalidf("pool %q: its price is not known, so nothing may be started; name a ceiling, or skip it", alias)
	case p.Market != core.OnDemand && p.Market != core.Spot:
		return p, fault.Invalidf("pool %q: market %.20q, want on_demand or spot", alias, in.Market)
	case !named && (err != nil || n < 1 || in.VCPUs > 0 && n > in.VCPUs):
		return p, fault.Invalidf("pool %q: share %.20q, want machine, core, vcpu or a number of its CPUs", alias, in.Share)
	case in.VCPUs < 0 || in.Cores < 0 || in.Memory < 0 || in.Disk < 0 || in.Slack < 0:
		return p, fault.Invalidf("pool %q: a number of CPUs, bytes or seconds is below 0", alias)
	}
	return p, nil
}

func priceOf(p api.SweepPrice) core.Price {
	return core.Price{PerHour: core.Micros(p.PerHour), Known: p.Known, Source: p.Source, Date: p.Date,
		MinBilled: time.Duration(min(p.MinBilled, 86_400)) * time.Second}
}

// checkSize bounds what one transaction makes.
func (a *ask) checkSize() error {
	slots := 0
	for _, p := range a.pools {
		if p.Skipped == nil {
			slots += p.Hosts
		}
	}
	each := a.row.Plan.Repeats
	if each < 1 || each > limits.SweepRepeats {
		return fault.Invalidf("repeats: %d, want 1 to %d", each, limits.SweepRepeats)
	}
	tasks := slots * each * len(a.row.Plan.Workloads)
	if slots > limits.SweepMachines || tasks > limits.SweepTasks {
		return fault.TooLargef("%d machines with %d tasks in all, the limits are %d and %d; split the sweep into several", slots, tasks,
			limits.SweepMachines, limits.SweepTasks)
	}
	return nil
}

// checkMoney refuses a sweep that costs money and has no budget.
func (a *ask) checkMoney() error {
	if a.row.Budget < 0 {
		return fault.Invalidf("budget: want 0 or more micro-dollars")
	}
	for _, p := range a.pools {
		if p.Skipped == nil && p.Price.PerHour < 0 {
			return fault.Invalidf("pool %q: a price below 0", p.Alias)
		}
		if p.Skipped == nil && p.Price.PerHour > 0 && a.row.Budget == 0 {
			return fault.Invalidf("budget: missing, and a machine of %s costs %s an hour; say what the sweep may cost", p.Alias,
				p.Price.PerHour)
		}
	}
	return nil
}

package sweep

import (
	"context"
	"time"

	"github.com/tachograph/tacho/api"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/store"
)

// What the rows of this room are on the wire.

// wire is the sweep with what became of it.
func (a all) wire(now time.Time) api.Sweep {
	w, snapshot := a.sweep, a.snapshot(now, time.Time{})
	out := api.Sweep{
		UUID: w.ID, Project: w.ProjectID, ID: w.ExternalID, Name: w.Name, State: string(w.State), Outcome: string(w.Outcome),
		Broken: string(w.Broken), Note: w.Note, Clean: snapshot.Clean(), Suite: w.Plan.Suite, Params: w.Plan.Params,
		Repeats: w.Plan.Repeats,
		Branch:  w.Plan.Branch, Workloads: names(w.Plan.Workloads),
		Budget: int64(w.Budget), Spent: int64(core.Spent(snapshot.Outlays(), now)), Committed: int64(core.Committed(snapshot.Outlays())),
		TTL: int64(w.TTL / time.Second), Expires: w.Expires, Closing: orNil(w.Closing), Ended: w.Ended, Account: w.AccountID,
		Created: w.Created, Modified: w.Modified,
	}
	if w.Lease.Epoch > 0 {
		out.Controller = &api.SweepController{Holder: w.Holder, Epoch: w.Lease.Epoch, Until: w.Lease.Until, Alive: w.Lease.Until.After(now)}
	}
	for _, o := range a.slots {
		out.Tasks = plus(out.Tasks, a.counts[o.ID])
		switch o.State {
		case core.SlotWaiting:
			out.Slots.Waiting++
		case core.SlotHeld:
			out.Slots.Held++
		case core.SlotDone:
			out.Slots.Done++
		case core.SlotGivenUp:
			out.Slots.GivenUp++
		}
	}
	for _, m := range a.machines {
		if m.State.MayRun() {
			out.Machines++
		}
	}
	return out
}

func names(workloads []api.SweepWorkload) []string {
	return store.Map(workloads, func(w api.SweepWorkload) string { return w.Name })
}

func plus(a, b api.SweepCounts) api.SweepCounts {
	return api.SweepCounts{Total: a.Total + b.Total, Pending: a.Pending + b.Pending, Running: a.Running + b.Running, Done: a.Done + b.Done,
		Unread: a.Unread + b.Unread, Failed: a.Failed + b.Failed, Late: a.Late + b.Late}
}

// wirePools are the pools with their slots.
func (a all) wirePools(ctx context.Context, tx *store.Tx) ([]api.SweepPool, error) {
	specs, err := specSlugs(ctx, tx, a.pools)
	if err != nil {
		return nil, err
	}
	out := make([]api.SweepPool, len(a.pools))
	at := map[string]*api.SweepPool{}
	for i, p := range a.pools {
		out[i] = api.SweepPool{UUID: p.ID, Provider: p.Provider, Regions: p.Regions, Zones: p.Zones, Type: p.Type, Alias: p.Alias,
			Market: string(p.Market), Arch: p.Arch, VCPUs: p.VCPUs, Cores: p.Cores, Memory: p.MemoryBytes, Module: p.Module, Hosts: p.Hosts,
			Share: string(p.Share), Price: wirePrice(p.Price), Slack: int64(p.Slack / time.Second), Deadline: orNil(p.Deadline),
			Testbed: p.Testbed, Slots: []api.SweepSlot{}}
		if p.OnDemand.Known {
			price := wirePrice(p.OnDemand)
			out[i].OnDemand = &price
		}
		if p.Skipped != nil {
			out[i].Skipped = &api.SweepSkip{Reason: string(p.Skipped.Reason), Sentence: p.Skipped.Sentence}
		}
		if p.SpecID != nil {
			slug := specs[*p.SpecID].Slug
			out[i].Spec = &slug
		}
		at[p.ID] = &out[i]
	}
	for _, o := range a.slots {
		p := at[o.Pool]
		p.Slots = append(p.Slots, api.SweepSlot{UUID: o.ID, Pool: o.Pool, Ordinal: o.Ordinal, State: string(o.State),
			Reason: string(o.Reason),
			Note:   o.Note, Machine: o.Machine, Tried: o.Tried, Tasks: a.counts[o.ID]})
		p.Tasks = plus(p.Tasks, a.counts[o.ID])
	}
	return out, nil
}

func wirePrice(p core.Price) api.SweepPrice {
	return api.SweepPrice{PerHour: int64(p.PerHour), Known: p.Known, Source: p.Source, Date: p.Date,
		MinBilled: int64(p.MinBilled / time.Second)}
}

func (m Machine) wire(now time.Time) api.SweepMachine {
	return api.SweepMachine{ID: m.ID, Slot: m.Slot, Pool: m.Pool, Provider: m.Provider, Region: m.Region, Zone: m.Zone, Type: m.Type,
		Market: string(m.Market), NativeID: m.NativeID, State: string(m.State), Reason: string(m.Reason), Note: m.Note, Doubted: m.Doubted,
		Suspect: m.Suspect, Price: wirePrice(m.Price), Slack: int64(m.Slack / time.Second),
		Cost: int64(core.Spent([]core.Outlay{m.Outlay()}, now)), Expires: m.Expires, Intended: m.Intended, Asked: m.Asked,
		Launched: orNil(m.Launched), Contact: orNil(m.Contact), Beat: orNil(m.Beat), Missing: orNil(m.Missing), Ended: orNil(m.Ended),
		Phase: m.Phase, Benchmark: m.Benchmark, Runner: m.RunnerID, Facts: m.Facts}
}

func (e MachineEvent) wire() api.SweepMachineEvent {
	return api.SweepMachineEvent{Time: e.Time, Event: e.Event, From: e.From, To: e.To, Epoch: e.Epoch, Reason: e.Reason, Note: e.Note}
}

func (t Task) wire() api.SweepTask {
	return api.SweepTask{Job: t.JobID, Report: t.ReportID, Pool: t.PoolID, Slot: t.SlotID, Workload: t.Workload, Repeat: t.Repeat,
		Place: t.Place, Status: api.JobStatus(t.State), Reason: api.Reason(t.Reason), Error: t.Error, Late: t.Late, Machine: t.MachineID,
		Attempt: t.Attempt, Claimed: t.Claimed, Completed: t.Completed}
}

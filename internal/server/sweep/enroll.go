package sweep

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/host"
	"github.com/tachograph/tacho/internal/core/ident"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/door"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

// A machine's token buys one runner's key, and is nothing afterwards. Whoever has neither a token that is good nor the key of a machine's
// runner hears one sentence, whatever is wrong with it.
var errNoMachine = fault.Unauthorizedf("the token is unknown, used or over; a machine gets one when it is made, and buys one key with it")

// Enroll gives the machine that has the token the key of a runner for its slot. A machine that is not what its pool says is suspect: it
// gets no key, and its controller fills the slot again.
func (s *Service) Enroll(ctx context.Context, actor access.Actor, in api.EnrollMachine) (out api.Enrolled, err error) {
	if err := door.Authorize(ctx, actor, access.EnrollMachine, access.Resource{}); err != nil {
		return out, err
	}
	if err := s.tokenIsKnown(ctx, in.Token); err != nil {
		return out, err
	}
	key, err := s.Runners.NewRunnerKey()
	if err != nil {
		return out, err
	}
	suspect := ""
	err = s.Store.Tx(ctx, func(tx *store.Tx) error {
		suspect = ""
		m, w, err := s.byToken(ctx, tx, in.Token)
		if err != nil {
			return err
		}
		pools, err := Pools(ctx, tx, w.ID)
		if err != nil {
			return err
		}
		pool, err := poolOf(pools, m.Pool)
		if err != nil {
			return err
		}
		slot, err := SlotByID(ctx, tx, w.ID, m.Slot)
		if err != nil {
			return err
		}
		if slot.Machine != m.ID {
			return fault.Conflictf("machine %s: its slot was given to another one", m.ID)
		}
		m.Enroll = nil
		if err := SetFacts(ctx, tx, m.ID, in.Facts); err != nil {
			return err
		}
		if suspect = misfit(pool, in.Facts); suspect == "" {
			if m.RunnerID, err = hire(ctx, tx, m, pool, key); err != nil {
				return err
			}
		} else {
			m.Suspect = suspect
			if err := InsertMachineEvent(ctx, tx, MachineEvent{MachineID: m.ID, Event: "accuse", From: string(m.State), To: string(m.State),
				Reason: string(core.BecauseSuspect), Note: suspect}); err != nil {
				return err
			}
		}
		if m, err = s.apply(ctx, tx, m, 0, ledger.Change{Verb: core.Contact}, &after{}); err != nil {
			return err
		}
		if err := SetBeat(ctx, tx, m.ID, string(phaseReady), ""); err != nil || m.RunnerID == nil {
			return err
		}
		out = api.Enrolled{Runner: *m.RunnerID, Key: key, Machine: m.ID, Remaining: remaining(m, tx.Now()), Expires: m.Expires}
		return nil
	})
	if err == nil && suspect != "" {
		err = fault.Conflictf("this machine is suspect and gets no tasks: %s", suspect)
	}
	return out, err
}

// tokenIsKnown looks for a token without the writer: anybody may come with a wrong one, as often as they like.
func (s *Service) tokenIsKnown(ctx context.Context, token string) error {
	return s.Store.View(ctx, func(tx *store.Tx) error {
		m, err := MachineBy(ctx, tx, "enroll", ident.HashKey(token))
		if fault.Is(err, fault.Missing) || err == nil && !tx.Now().Before(m.Expires) {
			return errNoMachine
		}
		return err
	})
}

// byToken is the machine that has a token which buys something, and its sweep, held.
func (s *Service) byToken(ctx context.Context, tx *store.Tx, token string) (m Machine, w Sweep, err error) {
	hash := ident.HashKey(token)
	if m, err = MachineBy(ctx, tx, "enroll", hash); err == nil {
		if w, err = HoldByID(ctx, tx, m.SweepID); err == nil {
			m, err = MachineBy(ctx, tx, "enroll", hash) // as it is now that nobody else changes it
		}
	}
	switch {
	case fault.Is(err, fault.Missing), err == nil && !tx.Now().Before(m.Expires):
		return m, w, errNoMachine
	case err != nil:
		return m, w, err
	}
	return m, w, s.projectLives(ctx, tx, w)
}

func (s *Service) projectLives(ctx context.Context, tx *store.Tx, w Sweep) error {
	_, err := project.ByRef(ctx, tx, w.ProjectID)
	if fault.Is(err, fault.Missing) {
		return errNoMachine
	}
	return err
}

func poolOf(pools []Pool, id string) (Pool, error) {
	for _, p := range pools {
		if p.ID == id {
			return p, nil
		}
	}
	return Pool{}, fault.Missingf("pool %q does not exist", id)
}

// hire makes the runner of a machine. It has the spec of its pool and takes the tasks of its slot, and no others.
func hire(ctx context.Context, tx *store.Tx, m Machine, p Pool, key string) (runnerID *string, err error) {
	if p.SpecID == nil {
		return nil, fault.Conflictf("machine %s: its pool takes no part", m.ID)
	}
	name := "machine " + m.ID
	r, err := fleet.InsertRunner(ctx, tx, name[:min(len(name), 64)], "", ident.HashKey(key))
	if err != nil {
		return nil, err
	}
	if err := fleet.AddRunnerSpec(ctx, tx, r.ID, *p.SpecID); err != nil {
		return nil, err
	}
	return &r.ID, fleet.SetRunnerSlot(ctx, tx, r.ID, &m.Slot)
}

// misfit says why a machine is not what its pool says; "": nothing speaks against it. What either side does not know is not held against
// it.
func misfit(p Pool, f api.MachineFacts) string {
	var why []string
	if f.Arch != "" && p.Arch != "" && host.Architecture(f.Arch) != host.Architecture(p.Arch) {
		why = append(why, fmt.Sprintf("it is %s, its pool %s is %s", host.Architecture(f.Arch), p.Alias, host.Architecture(p.Arch)))
	}
	if f.CPUs > 0 && p.VCPUs > 0 && f.CPUs != p.VCPUs {
		why = append(why, fmt.Sprintf("it has %d CPUs, a %s has %d", f.CPUs, p.Type, p.VCPUs))
	}
	if f.Type != "" && f.Type != p.Type {
		why = append(why, fmt.Sprintf("its provider calls it a %s, its pool is of %s", f.Type, p.Type))
	}
	return strings.Join(why, "; ")
}

// phase is how far a machine is.
type phase string

// The phases, in their order. An interrupted machine is one that its provider takes back.
const (
	phaseBoot        phase = "boot"
	phaseProvision   phase = "provision"
	phaseReady       phase = "ready"
	phaseRunning     phase = "running"
	phaseUploading   phase = "uploading"
	phaseFinished    phase = "finished"
	phaseInterrupted phase = "interrupted"
)

func isPhase(s string) bool {
	switch phase(s) {
	case phaseBoot, phaseProvision, phaseReady, phaseRunning, phaseUploading, phaseFinished, phaseInterrupted:
		return true
	}
	return false
}

// remaining is how many seconds a machine has until it is to power itself off; never below 0.
func remaining(m Machine, now time.Time) int64 { return max(0, int64(m.Expires.Sub(now)/time.Second)) }

// Beat notes that a machine lives and how far it is, and tells it how long it has and whether anybody wants it still. Before it has
// enrolled it comes with its token, afterwards as its runner. An old machine may beat on: it hears that nobody wants it.
func (s *Service) Beat(ctx context.Context, actor access.Actor, in api.MachineBeat) (out api.BeatAnswer, err error) {
	if err := door.Authorize(ctx, actor, access.EnrollMachine, access.Resource{}); err != nil {
		return out, err
	}
	switch {
	case !isPhase(in.Phase):
		return out, fault.Invalidf("phase %.20q: want boot, provision, ready, running, uploading, finished or interrupted", in.Phase)
	case len(in.Benchmark) > 256:
		return out, fault.Invalidf("benchmark: %d bytes, the limit is 256", len(in.Benchmark))
	}
	if usesToken(actor, in.Token) {
		if err := s.tokenIsKnown(ctx, in.Token); err != nil {
			return out, err
		}
	}
	err = s.Store.Tx(ctx, func(tx *store.Tx) error {
		out = api.BeatAnswer{}
		m, w, err := s.beating(ctx, tx, actor, in.Token)
		if err != nil {
			return err
		}
		if err := SetBeat(ctx, tx, m.ID, in.Phase, in.Benchmark); err != nil {
			return err
		}
		if in.Phase != m.Phase {
			if err := InsertMachineEvent(ctx, tx, MachineEvent{MachineID: m.ID, Event: "phase", From: string(m.State), To: string(m.State),
				Note: in.Phase}); err != nil {
				return err
			}
		}
		out.Remaining = remaining(m, tx.Now())
		out.Cancel = w.State == core.Closing || w.State == core.Ended || !m.State.MayRun() || m.State == core.MachineDeleting ||
			m.Suspect != "" || out.Remaining == 0
		if m.RunnerID == nil {
			return nil
		}
		c, err := CountsOfSlot(ctx, tx, m.Slot)
		out.Done = c.Pending == 0 && c.Running == 0
		return err
	})
	return out, err
}

// usesToken reports whether a beat is of a machine that has a token, and not of one that is a runner.
func usesToken(actor access.Actor, token string) bool {
	return token != "" || actor.Kind != access.Runner
}

// beating is the machine that sends a beat, with its sweep.
func (s *Service) beating(ctx context.Context, tx *store.Tx, actor access.Actor, token string) (m Machine, w Sweep, err error) {
	if usesToken(actor, token) {
		return s.byToken(ctx, tx, token)
	}
	if m, err = MachineBy(ctx, tx, "runner_id", actor.RunnerID); err == nil {
		w, err = HoldByID(ctx, tx, m.SweepID)
	}
	if fault.Is(err, fault.Missing) {
		err = fault.Forbiddenf("this runner is of no sweep: only a machine that was made for one sends beats")
	}
	return m, w, err
}

package controller

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// Policy is how patient a controller is. The zero value of a field is its default.
type Policy struct {
	Grace        time.Duration // how long lists may lag behind; 60 s
	CallTime     time.Duration // how long a create may be on its way, at most; 60 s
	FirstContact time.Duration // from launch until a runner must have enrolled; 10 min
	BeatTime     time.Duration // how long a working machine may be silent; 2 min
	LeastLife    time.Duration // a machine that would live for less is not made; 60 s
	CloseTime    time.Duration // how long a closing sweep waits for the provider's word before it ends unclean; 10 min
	BackOff      time.Duration // after the first round of refusals; doubles up to BackOffMost; 30 s
	BackOffMost  time.Duration // 5 min
	Parallel     int           // calls at once, and machines that are asked for in one tick; 10
	SlotTries    int           // machines that a slot may lose before it is given up; 3
}

func (p Policy) withDefaults() Policy {
	p.Grace = cmp.Or(p.Grace, time.Minute)
	p.CallTime = cmp.Or(p.CallTime, time.Minute)
	p.FirstContact = cmp.Or(p.FirstContact, 10*time.Minute)
	p.BeatTime = cmp.Or(p.BeatTime, 2*time.Minute)
	p.LeastLife = cmp.Or(p.LeastLife, time.Minute)
	p.CloseTime = cmp.Or(p.CloseTime, 10*time.Minute)
	p.BackOff = cmp.Or(p.BackOff, 30*time.Second)
	p.BackOffMost = cmp.Or(p.BackOffMost, 5*time.Minute)
	p.Parallel = cmp.Or(p.Parallel, 10)
	p.SlotTries = cmp.Or(p.SlotTries, 3)
	return p
}

// place is where machines are listed.
type place struct{ provider, region string }

// listing is what a provider says of a region.
type listing struct {
	machines  []provider.Machine
	leftovers []provider.Leftover
	err       error // it says nothing
}

// view is all that a decision is made of.
type view struct {
	ledger.Snapshot
	lists  map[place]listing
	paused map[string]time.Time // providers that asked for patience, until when
	seen   map[thing]time.Time  // strays, since when they are listed
	broken string               // what is wrong with the whole sweep; "": nothing
	answer Answer               // what people want done about it; "": nothing is asked
	policy Policy
}

// thing is what a list of a place shows.
type thing struct {
	place
	provider.Ref
}

// actions of a tick. Chains run side by side, the steps of a chain one after the other until one fails; last runs after all of them.
type actions struct {
	chains [][]step
	last   []step
}

// step is one write to the ledger or one call to a provider. Exactly one field is set.
type step struct {
	intend  *ledger.Intent // and then create it
	create  string         // the machine of this id, which is in the ledger already
	record  *record
	slot    *slotMove
	skip    *skipPool
	move    *ledger.SweepMove
	destroy *destroy
}

type record struct {
	machine string
	change  ledger.Change
}

type slotMove struct {
	slot string
	move ledger.SlotMove
}

type skipPool struct {
	pool string
	skip sweep.Skip
}

type destroy struct {
	place
	refs []provider.Ref
}

// decide compares what is wanted with the ledger and with lists, and returns what makes up the difference. It is pure: the same view gives
// the same actions, so that any controller goes on where another one stopped.
func decide(v view) actions {
	if v.Sweep.State == sweep.Planned {
		return actions{}
	}
	d := decider{view: v, slots: map[string]ledger.Slot{}, pools: map[string]ledger.Pool{},
		machines: map[string]ledger.Machine{}, listed: map[string][]provider.Machine{}}
	for _, s := range v.Slots {
		d.slots[s.ID] = s
	}
	for _, p := range v.Pools {
		d.pools[p.ID] = p
	}
	for _, l := range v.lists {
		for _, m := range l.machines {
			d.listed[m.Token] = append(d.listed[m.Token], m)
		}
	}
	for _, m := range v.Machines {
		d.machines[m.ID] = d.machine(m)
	}
	d.strays()
	for _, p := range v.Pools {
		d.pool(p)
	}
	d.toCome = d.Outlays()
	for _, s := range v.Slots {
		d.slot(s)
	}
	d.sweep()
	return d.out
}

type decider struct {
	view
	slots    map[string]ledger.Slot
	pools    map[string]ledger.Pool
	machines map[string]ledger.Machine // as they are after what was decided
	listed   map[string][]provider.Machine
	toCome   []sweep.Outlay // the machines of the ledger, and those that this tick intends
	intended int
	out      actions
}

func (d *decider) chain(steps ...step) {
	if len(steps) > 0 {
		d.out.chains = append(d.out.chains, steps)
	}
}

// machine decides about one row, and returns it as it is afterwards.
func (d *decider) machine(m ledger.Machine) ledger.Machine {
	w := walk{decider: d, m: m}
	at := place{m.Provider, m.Region}
	list, asked := d.lists[at]
	known := asked && list.err == nil
	found, others := d.find(m)
	switch {
	case found != nil && found.State == provider.Ended:
		w.ended(*found)
	case found != nil:
		w.there(*found)
	case known:
		w.absent()
	case m.State == sweep.MachineCreating:
		w.record(ledger.Change{Verb: sweep.Doubt, Reason: sweep.BecauseNoAnswer, Note: "the region cannot be listed"})
	}
	if w.m.State.MayRun() {
		w.trouble(found)
	}
	if w.m.State == sweep.MachineDeleting && w.m.NativeID != "" && (found == nil || found.State != provider.Ended) {
		w.steps = append(w.steps, step{destroy: &destroy{at, []provider.Ref{{Kind: provider.KindMachine, ID: w.m.NativeID}}}})
	}
	for _, o := range others { // a provider that made two for one token
		w.steps = append(w.steps, step{destroy: &destroy{at, []provider.Ref{{Kind: provider.KindMachine, ID: o.NativeID}}}})
	}
	d.chain(w.steps...)
	return w.m
}

// find is the listed machine of a row: that whose id is known, else one that has not ended. The others are live machines of the same token.
func (d *decider) find(m ledger.Machine) (found *provider.Machine, others []provider.Machine) {
	score := func(l provider.Machine) (n int) {
		if l.NativeID == m.NativeID {
			n += 2
		}
		if l.State != provider.Ended {
			n++
		}
		return n
	}
	all := d.listed[m.ID]
	for i := range all {
		if found == nil || score(all[i]) > score(*found) {
			found = &all[i]
		}
	}
	for i := range all {
		if &all[i] != found && all[i].State != provider.Ended {
			others = append(others, all[i])
		}
	}
	return found, others
}

// walk is what happens to one row in one tick. Each change is applied to a copy, so that what follows is decided on what will be written.
type walk struct {
	*decider
	m     ledger.Machine
	steps []step
}

func (w *walk) record(c ledger.Change) {
	next, err := w.m.Apply(c, w.Now)
	if err != nil {
		return // the table says no: nothing is to be done
	}
	w.m = next
	w.steps = append(w.steps, step{record: &record{w.m.ID, c}})
}

func (w *walk) there(found provider.Machine) {
	awaited := w.m.State == sweep.MachineCreating || w.m.State == sweep.MachineUnsure || !w.m.State.MayRun()
	if awaited || w.m.NativeID == "" || !w.m.Missing.IsZero() {
		w.record(launchOf(found))
	}
}

func launchOf(m provider.Machine) ledger.Change {
	return ledger.Change{Verb: sweep.Launch, NativeID: m.NativeID, Zone: m.Zone, Launched: m.Launched}
}

// ended takes the provider's word for the end. When it was launched must be known first, because that is what is paid for.
func (w *walk) ended(found provider.Machine) {
	if w.m.State.MayRun() && w.m.NativeID == "" || !w.m.State.MayRun() && w.m.Launched.IsZero() {
		w.record(launchOf(found))
	}
	if !w.m.State.MayRun() {
		return
	}
	reason := sweep.BecauseVanished
	switch {
	case found.Taken:
		reason = sweep.BecauseReclaimed
	case !w.Now.Before(w.m.Expires):
		reason = sweep.BecauseExpired
	}
	w.record(ledger.Change{Verb: sweep.Vanish, Reason: reason, Ended: found.Ended})
}

// absent is a row that a list of its region does not show. One list proves nothing, because lists lag behind.
func (w *walk) absent() {
	if !w.m.State.MayRun() {
		return
	}
	visible := w.m.Asked.Add(w.policy.Grace)
	if w.m.Launched.After(w.m.Asked) {
		visible = w.m.Launched.Add(w.policy.Grace)
	}
	if w.m.NativeID == "" {
		if w.again() {
			return
		}
		visible = w.m.Asked.Add(w.policy.CallTime)
	}
	switch {
	case w.Now.Before(visible):
	case w.m.Missing.IsZero():
		w.record(ledger.Change{Verb: sweep.Miss})
	case w.Now.Sub(w.m.Missing) >= w.policy.Grace:
		reason := sweep.BecauseVanished
		switch {
		case w.m.NativeID == "" && w.m.Reason != "":
			reason = w.m.Reason
		case w.m.NativeID == "":
			reason = sweep.BecauseNoAnswer
		case !w.Now.Before(w.m.Expires):
			reason = sweep.BecauseExpired
		}
		w.record(ledger.Change{Verb: sweep.Vanish, Reason: reason})
	}
}

// again asks for a machine with the same token once more, if it is still wanted and nobody has said no to it: the answer was lost, or the
// controller died on the way.
func (w *walk) again() bool {
	waits := w.m.State == sweep.MachineCreating || w.m.State == sweep.MachineUnsure && w.m.Reason == sweep.BecauseNoAnswer
	if !waits || !w.wanted() || w.Now.Add(w.policy.LeastLife).After(w.m.Expires) {
		return false
	}
	if w.Now.Before(w.paused[w.m.Provider]) || w.m.State == sweep.MachineUnsure && w.Now.Before(w.m.Asked.Add(w.policy.BackOff)) {
		return true // a moment later
	}
	if w.m.State == sweep.MachineCreating { // whoever asked did not live to hear the answer
		w.record(ledger.Change{Verb: sweep.Doubt, Reason: sweep.BecauseNoAnswer, Note: "the controller ended before the answer"})
	}
	w.record(ledger.Change{Verb: sweep.Ask})
	w.steps = append(w.steps, step{create: w.m.ID})
	return true
}

func (w *walk) wanted() bool {
	return w.Sweep.State.MakesMachines() && w.slots[w.m.Slot].Machine == w.m.ID && w.slots[w.m.Slot].Left > 0 && w.m.Suspect == ""
}

// trouble lets a machine go that is not wanted, or not trusted, any more.
func (w *walk) trouble(found *provider.Machine) {
	if w.m.State == sweep.MachineDeleting {
		return
	}
	slot := w.slots[w.m.Slot]
	if reason, note := w.against(slot, found); reason != "" {
		if w.asking() {
			w.steps = nil // it would be made only to be removed
			w.m.State = sweep.MachineUnsure
		}
		w.record(ledger.Change{Verb: sweep.Delete, Reason: reason, Note: note})
		return
	}
	if w.Sweep.State == sweep.Draining && w.m.State != sweep.MachineDraining {
		w.record(ledger.Change{Verb: sweep.Drain, Reason: w.Sweep.Broken})
	}
}

func (w *walk) asking() bool {
	return slices.ContainsFunc(w.steps, func(s step) bool { return s.create != "" })
}

// against is why a machine must go; "" lets it stay.
func (w *walk) against(slot ledger.Slot, found *provider.Machine) (sweep.Reason, string) {
	launched := w.m.Launched
	if launched.Before(w.Hearing) {
		launched = w.Hearing
	}
	beat := w.m.Beat
	if beat.Before(w.Hearing) {
		beat = w.Hearing
	}
	heard := w.m.State == sweep.MachineWorking || w.m.State == sweep.MachineDraining && !w.m.Contact.IsZero()
	switch {
	case !w.Now.Before(w.m.Expires):
		return sweep.BecauseExpired, "its time is over"
	case found != nil && found.Taken:
		return sweep.BecauseReclaimed, "the provider takes it back"
	case w.m.Suspect != "":
		return sweep.BecauseSuspect, w.m.Suspect
	case slot.Machine == w.m.ID && slot.Left == 0 || slot.State == sweep.SlotDone:
		return sweep.BecauseDone, ""
	case w.Sweep.State == sweep.Closing || w.Sweep.State == sweep.Ended:
		return cmp.Or(w.Sweep.Broken, sweep.BecauseDone), ""
	case slot.Machine != w.m.ID:
		return cmp.Or(slot.Reason, sweep.BecauseStray), "its slot is another machine's"
	case w.Sweep.State == sweep.Draining && (!heard || slot.Running == 0):
		return cmp.Or(w.Sweep.Broken, sweep.BecauseStopped), ""
	case w.m.State == sweep.MachineUp && w.Now.Sub(launched) >= w.policy.FirstContact:
		return sweep.BecauseNeverCame, fmt.Sprintf("launched, and not heard of for %s", w.policy.FirstContact)
	case heard && w.Now.Sub(beat) >= w.policy.BeatTime:
		return sweep.BecauseHeartbeatLost, fmt.Sprintf("not heard of for %s", w.policy.BeatTime)
	}
	return "", ""
}

// strays are what carries our tags and is in no row, and what machines that are gone have left behind, in order. mayRun has the machines of
// rows. Of what is known the row says that its machine is gone.
func (v view) strays(mayRun map[string]bool) (out []thing, known map[thing]bool) {
	known = map[thing]bool{}
	for _, at := range v.places() {
		l := v.lists[at]
		live := map[string]bool{}
		for _, m := range l.machines {
			live[m.Token] = live[m.Token] || m.State != provider.Ended
			if _, known := mayRun[m.Token]; !known && m.State != provider.Ended {
				out = append(out, thing{at, provider.Ref{Kind: provider.KindMachine, ID: m.NativeID}})
			}
		}
		for _, o := range l.leftovers {
			if !live[o.Token] && !mayRun[o.Token] {
				_, known[thing{at, o.Ref}] = mayRun[o.Token]
				out = append(out, thing{at, o.Ref})
			}
		}
	}
	return out, known
}

// mayRun has the machines of all rows, as they are after what was decided.
func (d *decider) mayRun() map[string]bool {
	out := map[string]bool{}
	for id, m := range d.machines {
		out[id] = m.State.MayRun()
	}
	return out
}

// strays removes those that have been listed for a grace: a row is there before its machine, but rows are read before lists. What a machine
// left that is gone by its row goes at once: a sweep does not end before it.
func (d *decider) strays() {
	byPlace := map[place][]provider.Ref{}
	strays, known := d.view.strays(d.mayRun())
	for _, stray := range strays {
		if since, seen := d.seen[stray]; known[stray] || seen && d.Now.Sub(since) >= d.policy.Grace {
			byPlace[stray.place] = append(byPlace[stray.place], stray.Ref)
		}
	}
	for _, at := range d.places() {
		if refs := byPlace[at]; len(refs) > 0 {
			d.chain(step{destroy: &destroy{at, refs}})
		}
	}
}

// places are those that were listed, in order.
func (v view) places() []place {
	var out []place
	for at, l := range v.lists {
		if l.err == nil {
			out = append(out, at)
		}
	}
	sortPlaces(out)
	return out
}

func sortPlaces(ps []place) {
	slices.SortFunc(ps, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.provider, b.provider), cmp.Compare(a.region, b.region))
	})
}

// hopeless is how many machines of a pool may go the same way before it has done any task, and what is said then.
var hopeless = []struct {
	reason   sweep.Reason
	machines int
	skip     sweep.SkipReason
	sentence string
}{
	{sweep.BecauseNeverCame, 2, sweep.SkipNeverCame, "were launched and never enrolled; look at their consoles"},
	{sweep.BecauseSuspect, 2, sweep.SkipSuspect, "are not what the pool says"},
	{sweep.BecauseHeartbeatLost, 3, sweep.SkipLost, "were lost before they had done a task"},
}

// pool skips a pool whose machines come to nothing.
func (d *decider) pool(p ledger.Pool) {
	if p.Skipped != nil {
		return
	}
	went, note := map[sweep.Reason]int{}, map[sweep.Reason]string{}
	for _, m := range d.Machines {
		if m.Pool != p.ID {
			continue
		}
		went[m.Reason]++
		note[m.Reason] = m.Note
	}
	if went[sweep.BecauseUnsupported] > 0 {
		d.skip(p, sweep.SkipUnsupported, "the provider does not have it: "+note[sweep.BecauseUnsupported])
		return
	}
	if slices.ContainsFunc(d.Slots, func(s ledger.Slot) bool { return s.Pool == p.ID && s.Done > 0 }) {
		return // the kind of machine is good; a slot bounds what it loses
	}
	for _, h := range hopeless {
		if n := went[h.reason]; n >= h.machines {
			why := fmt.Sprintf("%d machines %s", n, h.sentence)
			if note[h.reason] != "" {
				why += "; the last one: " + note[h.reason]
			}
			d.skip(p, h.skip, why)
			return
		}
	}
}

// lost is why a slot is given up that has lost as many machines as it may, in whatever way; "": it has not.
func (d *decider) lost(s ledger.Slot) (sweep.Reason, string) {
	n := 0
	var last ledger.Machine
	for _, m := range d.Machines {
		if m.Slot != s.ID || m.Launched.IsZero() {
			continue
		}
		switch m.Reason {
		case sweep.BecauseNeverCame, sweep.BecauseSuspect, sweep.BecauseHeartbeatLost, sweep.BecauseVanished:
			n, last = n+1, m
		}
	}
	if n < d.policy.SlotTries {
		return "", ""
	}
	return last.Reason, fmt.Sprintf("%d machines of this slot were lost, the last one: %s", n, cmp.Or(last.Note, string(last.Reason)))
}

func (d *decider) skip(p ledger.Pool, reason sweep.SkipReason, sentence string) {
	skip := sweep.Skip{Reason: reason, Sentence: sentence}
	d.chain(step{skip: &skipPool{p.ID, skip}})
	p.Skipped = &skip
	d.pools[p.ID] = p
}

// slot decides about a slot: whether it is over, needs another machine, or waits.
func (d *decider) slot(s ledger.Slot) {
	move := func(v sweep.SlotVerb, r sweep.Reason, note string) {
		d.chain(step{slot: &slotMove{s.ID, ledger.SlotMove{Verb: v, Reason: r, Note: note}}})
	}
	m, has := d.machines[s.Machine]
	lost := !has || !m.State.MayRun() || m.State == sweep.MachineDeleting
	pool := d.pools[s.Pool]
	switch {
	case !s.State.Open():
	case s.Left == 0:
		move(sweep.Close, "", "")
	case s.State == sweep.SlotHeld && !lost:
	case !d.Sweep.State.MakesMachines():
		move(sweep.GiveUp, cmp.Or(d.Sweep.Broken, sweep.BecauseStopped), d.Sweep.Note)
	case s.State == sweep.SlotHeld:
		move(sweep.Release, "", "")
	case pool.Skipped != nil:
		move(sweep.GiveUp, sweep.Reason(pool.Skipped.Reason), pool.Skipped.Sentence)
	case d.Now.Add(d.policy.LeastLife).After(d.Sweep.Expires):
		move(sweep.GiveUp, sweep.BecauseExpired, "the sweep's time is nearly over")
	case d.answer != "" && d.answer != GoOn: // people are asked whether more is worth its money
	default:
		in, reason, note := d.next(s, pool)
		switch {
		case reason != "":
			move(sweep.GiveUp, reason, note)
		case in != nil && d.intended < d.policy.Parallel:
			d.intended++
			d.toCome = append(d.toCome, d.outlay(pool, in.Market))
			d.chain(step{intend: in})
		}
	}
}

func (d *decider) outlay(p ledger.Pool, m sweep.Market) sweep.Outlay {
	return sweep.Outlay{State: sweep.MachineCreating, Price: p.PriceOn(m), Slack: p.Slack, Asked: d.Now, Expires: d.Sweep.Expires}
}

// next is the machine to ask for, nothing while it is better to wait, or why the slot is given up.
func (d *decider) next(s ledger.Slot, p ledger.Pool) (in *ledger.Intent, giveUp sweep.Reason, note string) {
	if reason, note := d.lost(s); reason != "" {
		return nil, reason, note
	}
	if d.Now.Before(d.paused[p.Provider]) {
		return nil, "", ""
	}
	market := d.market(s, p)
	if err := sweep.Afford(d.Sweep.Budget, d.toCome, d.outlay(p, market)); err != nil {
		if slices.ContainsFunc(d.toCome, func(o sweep.Outlay) bool { return o.State.MayRun() }) {
			return nil, "", "" // money comes back when one of them is gone
		}
		return nil, sweep.BecauseOverBudget, err.Error()
	}
	late := !p.Deadline.IsZero() && !d.Now.Before(p.Deadline)
	region, zone, wait, full := d.where(s, p)
	until, met, alone := d.quota(s, p.Provider, region)
	switch {
	case full && late:
		return nil, sweep.BecauseCapacity, fmt.Sprintf("none to be had until %s", p.Deadline.UTC().Format(time.RFC3339))
	case alone && (met >= 3 || met > 0 && late):
		return nil, sweep.BecauseQuota, "the account may not have one, although none of ours exists there"
	case wait.After(d.Now) || until.After(d.Now):
		return nil, "", ""
	}
	return &ledger.Intent{Slot: s.ID, Region: region, Zone: zone, Market: market}, "", ""
}

// market is the pool's, but on demand after the provider has taken back a machine of this slot.
func (d *decider) market(s ledger.Slot, p ledger.Pool) sweep.Market {
	taken := slices.ContainsFunc(d.Machines, func(m ledger.Machine) bool { return m.Slot == s.ID && m.Reason == sweep.BecauseReclaimed })
	if taken && p.Market == sweep.Spot && p.OnDemand.Known {
		return sweep.OnDemand
	}
	return p.Market
}

// where is the place with the fewest refusals of the pool, the first of these in its order, and from when on it may be tried: at once in
// the first round, later and later in others. Full says whether each place has refused one.
func (d *decider) where(s ledger.Slot, p ledger.Pool) (region, zone string, from time.Time, full bool) {
	type spot struct{ region, zone string }
	var spots []spot
	for i, r := range p.Regions {
		if i == 0 && len(p.Zones) > 0 {
			for _, z := range p.Zones {
				spots = append(spots, spot{r, z})
			}
			continue
		}
		spots = append(spots, spot{r, ""})
	}
	if len(spots) == 0 {
		spots = []spot{{}}
	}
	refused := map[spot]int{}
	var last time.Time
	for _, m := range d.Machines {
		if m.Pool != p.ID || !m.Launched.IsZero() {
			continue
		}
		switch m.Reason {
		case sweep.BecauseCapacity, sweep.BecauseReclaimed, sweep.BecauseThrottled, sweep.BecauseNoAnswer:
			refused[spot{m.Region, m.Zone}]++
			if m.Ended.After(last) {
				last = m.Ended
			}
		}
	}
	best := spots[0]
	for _, at := range spots[1:] {
		if refused[at] < refused[best] {
			best = at
		}
	}
	round := refused[best]
	if round > 0 {
		from = last.Add(d.backOff(round, s.ID))
	}
	return best.region, best.zone, from, round > 0
}

// quota is from when on another machine may be asked for in a region where the account's limit was met: when one that existed then is gone,
// or later and later. Met is how often the slot was refused since the last one of ours was gone, alone whether none of ours exists.
func (d *decider) quota(s ledger.Slot, providerName, region string) (from time.Time, met int, alone bool) {
	var freed, last time.Time
	alone = true
	here := func(m ledger.Machine) bool { return m.Provider == providerName && m.Region == region }
	for _, m := range d.Machines {
		if !here(m) {
			continue
		}
		alone = alone && !m.State.MayRun()
		if m.State == sweep.MachineGone && !m.Launched.IsZero() && m.Ended.After(freed) {
			freed = m.Ended
		}
	}
	for _, m := range d.Machines {
		if !here(m) || m.Reason != sweep.BecauseQuota || !m.Launched.IsZero() || !m.Ended.After(freed) {
			continue
		}
		if m.Slot == s.ID {
			met++
		}
		if m.Ended.After(last) {
			last = m.Ended
		}
	}
	if last.IsZero() {
		return time.Time{}, 0, alone
	}
	return last.Add(d.backOff(met+1, s.ID)), met, alone
}

// backOff doubles with the round, less up to a quarter by the slot's name, so that slots do not all ask at once.
func (d *decider) backOff(round int, slotID string) time.Duration {
	wait := d.policy.BackOff << min(round-1, 20)
	if wait <= 0 || wait > d.policy.BackOffMost {
		wait = d.policy.BackOffMost
	}
	h := fnv.New32a()
	fmt.Fprint(h, slotID, round)
	return wait - wait/4*time.Duration(h.Sum32()%1024)/1024
}

// sweep moves the sweep itself: it fails when a provider turns us away, finishes when no slot is open, and ends when all is gone.
func (d *decider) sweep() {
	move := func(v sweep.Verb, r sweep.Reason, note string) {
		d.out.last = append(d.out.last, step{move: &ledger.SweepMove{Verb: v, Reason: r, Note: note}})
	}
	open := slices.ContainsFunc(d.Slots, func(s ledger.Slot) bool { return s.State.Open() })
	reason, note := d.turnedAway()
	switch d.Sweep.State {
	case sweep.Active:
		switch {
		case !open:
			move(sweep.Finish, "", "")
		case reason != "":
			move(sweep.Fail, reason, note)
		case d.answer == Stop:
			move(sweep.Fail, sweep.BecauseSameError, d.broken)
		}
	case sweep.Draining:
		if !open {
			move(sweep.Finish, "", "")
		}
	case sweep.Closing:
		strays, _ := d.view.strays(d.mayRun()) // a clean end leaves none
		if d.empty() && len(strays) == 0 && d.Unread() == 0 || !open && d.Now.Sub(d.Sweep.Closing) >= d.policy.CloseTime {
			move(sweep.End, "", "")
		}
	}
}

// turnedAway is why no provider's machine can be made any more.
func (d *decider) turnedAway() (sweep.Reason, string) {
	for _, m := range d.Machines {
		if !m.State.MayRun() && (m.Reason == sweep.BecauseCredential || m.Reason == sweep.BecauseInvalid) {
			return m.Reason, m.Provider + ": " + m.Note
		}
	}
	for at, l := range d.lists {
		if l.err != nil && provider.Of(l.err).Class == provider.Auth {
			return sweep.BecauseCredential, fmt.Sprintf("%s: %v", at.provider, l.err)
		}
	}
	return "", ""
}

// empty reports whether nothing of the sweep exists, by the ledger and by complete lists.
func (d *decider) empty() bool {
	if !d.Clean() || slices.ContainsFunc(d.Slots, func(s ledger.Slot) bool { return s.State.Open() }) {
		return false
	}
	for _, l := range d.lists {
		live := slices.ContainsFunc(l.machines, func(m provider.Machine) bool { return m.State != provider.Ended })
		if l.err != nil || live || len(l.leftovers) > 0 {
			return false
		}
	}
	return true
}

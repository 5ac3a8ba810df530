// Package nuke finds what an installation has in a cloud and removes it, by tags alone: it needs no server, no ledger and no state, so that
// it works when all of these are lost. The command line and cron jobs call it.
//
// It never touches what does not carry the owner's tag. A region that cannot be listed is an error and not an empty list.
package nuke

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tachograph/tacho/internal/cloud/provider"
)

// Scope is what to remove.
type Scope struct {
	Owner   string   // the installation; never empty
	Sweep   string   // "": of every sweep
	Expired bool     // only what is past the expiry in its tag
	Regions []string // empty: all
}

// Item is one thing to remove.
type Item struct {
	provider.Ref
	Region  string
	Sweep   string
	Token   string
	Type    string    // of a machine
	Since   time.Time // launched or made
	Expires time.Time
}

// Plan is what would be removed, machines first, and what could not be seen.
type Plan struct {
	Items  []Item
	Unseen []Unseen
}

// Unseen is a region that could not be listed.
type Unseen struct {
	Region string
	Err    error
}

// Machines counts the machines of the plan: the number that a person types to agree.
func (p Plan) Machines() (n int) {
	for _, i := range p.Items {
		if i.Kind == provider.KindMachine {
			n++
		}
	}
	return n
}

// Find lists the provider's regions and says what is in scope at now. The error is only about the list of regions; regions that cannot be
// listed are in the plan.
func Find(ctx context.Context, p provider.Provider, s Scope, now time.Time) (Plan, error) {
	if s.Owner == "" {
		return Plan{}, errors.New("nuke: no owner: everything of everybody would be in scope")
	}
	regions := s.Regions
	if len(regions) == 0 {
		var err error
		if regions, err = p.Regions(ctx); err != nil {
			return Plan{}, fmt.Errorf("list the regions of %s: %w", p.Traits().Name, err)
		}
	}
	var plan Plan
	for _, region := range regions {
		machines, leftovers, err := p.List(ctx, region, provider.Filter{Owner: s.Owner, Sweep: s.Sweep})
		if err != nil {
			plan.Unseen = append(plan.Unseen, Unseen{region, err})
			continue
		}
		plan.Items = append(plan.Items, s.of(region, machines, leftovers, now)...)
	}
	slices.SortStableFunc(plan.Items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(slices.Index(provider.Kinds, a.Kind), slices.Index(provider.Kinds, b.Kind)),
			cmp.Compare(a.Region, b.Region), cmp.Compare(a.ID, b.ID))
	})
	return plan, nil
}

// of is what is in scope of one list. The tags are looked at again, whatever the provider made of the filter.
func (s Scope) of(region string, machines []provider.Machine, leftovers []provider.Leftover, now time.Time) (items []Item) {
	in := func(owner, sweep string, expires time.Time) bool {
		past := !expires.IsZero() && !expires.After(now) // what has no expiry has not expired
		return owner == s.Owner && (s.Sweep == "" || sweep == s.Sweep) && (!s.Expired || past)
	}
	for _, m := range machines {
		if m.State != provider.Ended && in(m.Owner, m.Sweep, m.Expires) {
			items = append(items, Item{Ref: provider.Ref{Kind: provider.KindMachine, ID: m.NativeID}, Region: region, Sweep: m.Sweep,
				Token: m.Token, Type: m.Type, Since: m.Launched, Expires: m.Expires})
		}
	}
	for _, l := range leftovers {
		if in(l.Owner, l.Sweep, l.Expires) {
			items = append(items, Item{Ref: l.Ref, Region: region, Sweep: l.Sweep, Token: l.Token, Since: l.Made, Expires: l.Expires})
		}
	}
	return items
}

// Pause waits between two looks; it returns early when ctx ends.
type Pause func(ctx context.Context, d time.Duration) error

// Between is how long after each other the two empty lists are taken that prove that nothing is left: lists lag behind, but for those of
// providers that say that theirs do not.
const Between = time.Minute

// LeftError is what nuke could not remove, or not see.
type LeftError struct{ Plan }

func (e *LeftError) Error() string {
	var text string
	if n := len(e.Items); n > 0 {
		text = fmt.Sprintf("%d things are left", n)
		for _, i := range e.Items[:min(n, 20)] {
			text += fmt.Sprintf("\n  %s %s in %s", i.Kind, i.ID, cmp.Or(i.Region, "the only region"))
		}
	}
	for _, u := range e.Unseen {
		if text != "" {
			text += "\n"
		}
		text += fmt.Sprintf("region %s could not be listed: %v", u.Region, u.Err)
	}
	return text
}

// Destroy removes what is in scope, kind after kind, and looks again until two lists in a row, Between apart, are empty. When something is
// left after all rounds, or a region cannot be listed, it gives up with a LeftError. The clock is read for Expired.
func Destroy(ctx context.Context, p provider.Provider, s Scope, rounds int, now func() time.Time, pause Pause) error {
	between, again := Between, Between/12
	if p.Traits().ListsAtOnce {
		between, again = 0, time.Second
	}
	for tries, empty := 0, 0; ; {
		plan, err := Find(ctx, p, s, now())
		if err != nil {
			return err
		}
		wait := again
		if len(plan.Items) == 0 && len(plan.Unseen) == 0 {
			if empty++; empty == 2 {
				return nil
			}
			wait = between
		} else {
			if tries == rounds {
				return &LeftError{plan}
			}
			empty, tries = 0, tries+1
			destroyAll(ctx, p, plan)
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// destroyAll asks for everything once. What fails shows in the next list, because that is what counts.
func destroyAll(ctx context.Context, p provider.Provider, plan Plan) {
	for _, kind := range provider.Kinds {
		byRegion := map[string][]provider.Ref{}
		for _, i := range plan.Items {
			if i.Kind == kind {
				byRegion[i.Region] = append(byRegion[i.Region], i.Ref)
			}
		}
		for region, refs := range byRegion {
			if p.Destroy(ctx, region, refs) == nil {
				continue
			}
			for _, ref := range refs { // one that cannot go must not hold the others up
				_ = p.Destroy(ctx, region, []provider.Ref{ref})
			}
		}
	}
}

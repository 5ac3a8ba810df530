package nuke_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/cloud/nuke"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/cloud/provider/fake"
	"github.com/tachograph/tacho/internal/core/sweep"
)

const ours = "installation-1"

// cloud has five machines of ours in three regions and one of somebody else; one of ours leaves its disk.
type cloud struct {
	*fake.Cloud
	now    time.Time
	asked  []string // what was destroyed, in order
	looked int
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{now: time.Date(2026, 7, 22, 12, 0, 0, 0, time.UTC)}
	c.Cloud = fake.New(c.clock, fake.Shape{Regions: []string{"r1", "r2", "r3"}, Prices: map[string]sweep.Micros{"c8g.medium": 39_880},
		Lag: 10 * time.Second, Fate: func(w provider.Want) fake.Fate { return fake.Fate{KeepsDisk: w.Token == "m2"} }})
	for _, m := range []struct{ token, owner, sweep, region string }{{"m1", ours, "nightly", "r1"}, {"m2", ours, "nightly", "r1"},
		{"m3", ours, "weekly", "r2"}, {"m4", ours, "weekly", "r3"}, {"m5", ours, "nightly", "r3"},
		{"x", "installation-2", "nightly", "r3"}} {
		if _, err := c.Create(t.Context(), provider.Want{Token: m.token, Owner: m.owner, Sweep: m.sweep, Region: m.region,
			Type: "c8g.medium", TTL: 10 * time.Hour, Expires: c.now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	c.now = c.now.Add(time.Minute)
	return c
}

func (c *cloud) clock() time.Time { return c.now }

func (c *cloud) pause(_ context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return nil
}

func (c *cloud) List(ctx context.Context, region string, f provider.Filter) ([]provider.Machine, []provider.Leftover, error) {
	c.looked++
	return c.Cloud.List(ctx, region, f)
}

func (c *cloud) Destroy(ctx context.Context, region string, refs []provider.Ref) error {
	for _, r := range refs {
		c.asked = append(c.asked, string(r.Kind))
	}
	return c.Cloud.Destroy(ctx, region, refs)
}

func (c *cloud) left() (tokens string) {
	for _, l := range c.Live() {
		tokens += l.Token + " "
	}
	return strings.TrimSpace(tokens)
}

func TestNukeLeavesExactlyWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	plan, err := nuke.Find(t.Context(), c, nuke.Scope{Owner: ours}, c.now)
	if err != nil || plan.Machines() != 5 || len(plan.Items) != 10 || plan.Items[4].Kind != provider.KindMachine ||
		plan.Items[5].Kind != provider.KindDisk || len(c.asked) != 0 {
		t.Fatalf("the plan is %+v, %v; destroyed: %v", plan, err, c.asked)
	}
	if err := nuke.Destroy(t.Context(), c, nuke.Scope{Owner: ours}, 20, c.clock, c.pause); err != nil {
		t.Fatal(err)
	}
	if _, disks := c.Left(); c.left() != "x" || disks != 1 {
		t.Errorf("left: %q and %d disks", c.left(), disks)
	}
	if c.asked[0] != "machine" || c.asked[4] != "machine" || c.asked[5] != "disk" {
		t.Errorf("in the order %v", c.asked)
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]struct {
		nuke.Scope
		left string
	}{
		"one sweep":           {nuke.Scope{Owner: ours, Sweep: "nightly"}, "m3 m4 x"},
		"one region":          {nuke.Scope{Owner: ours, Regions: []string{"r3"}}, "m1 m2 m3 x"},
		"nothing has expired": {nuke.Scope{Owner: ours, Expired: true}, "m1 m2 m3 m4 m5 x"},
		"somebody unknown":    {nuke.Scope{Owner: "installation-3"}, "m1 m2 m3 m4 m5 x"},
	} {
		c := newCloud(t)
		if err := nuke.Destroy(t.Context(), c, s.Scope, 20, c.clock, c.pause); err != nil || c.left() != s.left {
			t.Errorf("%s: want %q left, got %q (%v)", name, s.left, c.left(), err)
		}
	}
	c := newCloud(t)
	c.now = c.now.Add(2 * time.Hour) // past their tags; their timers, wrong here, would let them live on
	if err := nuke.Destroy(t.Context(), c, nuke.Scope{Owner: ours, Expired: true}, 20, c.clock, c.pause); err != nil || c.left() != "x" {
		t.Errorf("expired: %q left (%v)", c.left(), err)
	}
	if _, err := nuke.Find(t.Context(), c, nuke.Scope{}, c.now); err == nil {
		t.Error("without an owner it finds everything")
	}
}

func TestARegionThatCannotBeListedIsAnError(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.Break(fake.Fault{Op: fake.List, Region: "r2", Class: provider.Auth})
	err := nuke.Destroy(t.Context(), c, nuke.Scope{Owner: ours}, 20, c.clock, c.pause)
	left, ok := errors.AsType[*nuke.LeftError](err)
	if !ok || len(left.Unseen) != 1 || left.Unseen[0].Region != "r2" || len(left.Items) != 0 ||
		!strings.Contains(err.Error(), "region r2") {
		t.Errorf("want the region that could not be listed, got %v", err)
	}
	if c.left() != "m3 x" {
		t.Errorf("what can be seen is removed all the same; left: %q", c.left())
	}
}

func TestWhatCannotBeDestroyedIsNamed(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.Break(fake.Fault{Op: fake.Destroy, Region: "r1", Class: provider.Unavailable})
	err := nuke.Destroy(t.Context(), c, nuke.Scope{Owner: ours}, 20, c.clock, c.pause)
	left, ok := errors.AsType[*nuke.LeftError](err)
	if !ok || left.Machines() != 2 || !strings.Contains(err.Error(), "machine i-0001 in r1") || c.left() != "m1 m2 x" {
		t.Errorf("left %q: %v", c.left(), err)
	}
}

// careless is a provider that lists everything, whoever asks.
type careless struct{ *cloud }

func (c careless) List(ctx context.Context, region string, _ provider.Filter) (ms []provider.Machine, ls []provider.Leftover, err error) {
	for _, owner := range []string{ours, "installation-2", ""} {
		m, l, err := c.cloud.List(ctx, region, provider.Filter{Owner: owner})
		if err != nil {
			return nil, nil, err
		}
		ms, ls = append(ms, m...), append(ls, l...)
	}
	return append(ms, provider.Machine{NativeID: "i-nobodys", Region: region, State: provider.Running}), ls, nil
}

// What has no owner, or another one, is not touched, whatever a provider lists.
func TestWhatIsNotOursIsNeverTouched(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if err := nuke.Destroy(t.Context(), careless{c}, nuke.Scope{Owner: ours}, 20, c.clock, c.pause); err != nil || c.left() != "x" {
		t.Errorf("left %q: %v", c.left(), err)
	}
}

// The look that proves it does not count as one that left something.
func TestOneRoundIsEnoughForWhatGoesAtOnce(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.SetLag(0)
	weekly := nuke.Scope{Owner: ours, Sweep: "weekly"}
	if err := nuke.Destroy(t.Context(), c, weekly, 1, c.clock, c.pause); err != nil || c.left() != "m1 m2 m5 x" {
		t.Errorf("left %q: %v", c.left(), err)
	}
}

func TestOneEmptyListIsNoProof(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if err := nuke.Destroy(t.Context(), c, nuke.Scope{Owner: "installation-3"}, 20, c.clock, c.pause); err != nil {
		t.Fatal(err)
	}
	if c.looked != 2*3 {
		t.Errorf("want two looks at three regions, got %d", c.looked)
	}
	c.SetLag(50 * time.Second)
	if _, err := c.Create(t.Context(), provider.Want{Token: "late", Owner: "installation-3", Sweep: "nightly", Region: "r1",
		Type: "c8g.medium", TTL: time.Hour, Expires: c.now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if err := nuke.Destroy(t.Context(), c, nuke.Scope{Owner: "installation-3"}, 20, c.clock, c.pause); err != nil ||
		strings.Contains(c.left(), "late") {
		t.Errorf("a machine that the first list did not show: %q is left (%v)", c.left(), err)
	}
}

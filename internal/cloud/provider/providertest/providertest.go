// Package providertest is what every provider of machines must do: a suite that each of them runs, with faults where they can be had.
package providertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// Fixture is a provider under test that is empty. What is nil cannot be had there, and what needs it is skipped with a word.
type Fixture struct {
	Provider provider.Provider
	Region   string
	Type     string
	Now      func() time.Time

	// Wait lets time pass until the condition holds, for as long as the provider may need.
	Wait func(t *testing.T, what string, holds func() bool)
	// Fail makes the next creates fail with an error of the class, until it is called with "". A class that the provider cannot give is
	// answered with false.
	Fail func(provider.Class) bool
	// LoseReply makes the next create happen without an answer.
	LoseReply func()
	// Expire lets time pass until a machine that was made for an hour has ended by itself.
	Expire func()
}

// Run runs the suite. Each test has a fixture of its own.
func Run(t *testing.T, fixture func(*testing.T) *Fixture) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *Fixture)
	}{
		{"a token makes one machine", idempotent},
		{"a token makes one machine for many at once", raced},
		{"tags are there at once", tagged},
		{"lists show what carries the tags", filtered},
		{"other owners' machines are untouched", foreign},
		{"destroying twice is destroying", destroyed},
		{"an unknown id is success", unknownID},
		{"a machine that would be over already is invalid", tooLate},
		{"what is left counts, and not the clock of whoever asks", strangersClock},
		{"an unknown region is an error", unknownRegion},
		{"each class of error is said", classes},
		{"a lost reply is found by token", lost},
		{"a machine ends at its expiry", expires},
		{"a canceled call may have happened", canceled},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) { c.test(t, fixture(t)) })
	}
}

const owner, nightly = "installation-1", "nightly"

func (f *Fixture) want(token string) provider.Want {
	return provider.Want{Token: token, Owner: owner, Sweep: nightly, Region: f.Region, Type: f.Type, Market: sweep.OnDemand,
		Expires: f.Now().Add(time.Hour).Truncate(time.Second), TTL: time.Hour}
}

func (f *Fixture) create(t *testing.T, w provider.Want) provider.Machine {
	t.Helper()
	m, err := f.Provider.Create(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// list returns those that have not ended.
func (f *Fixture) list(t *testing.T, filter provider.Filter) (live []provider.Machine) {
	t.Helper()
	all, _, err := f.Provider.List(t.Context(), f.Region, filter)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(m provider.Machine) bool { return m.State == provider.Ended })
}

func (f *Fixture) destroy(t *testing.T, id string) {
	t.Helper()
	if err := f.Provider.Destroy(t.Context(), f.Region, []provider.Ref{{Kind: provider.KindMachine, ID: id}}); err != nil {
		t.Fatal(err)
	}
}

func idempotent(t *testing.T, f *Fixture) {
	w := f.want("m1")
	one, two := f.create(t, w), f.create(t, w)
	if one.NativeID == "" || one.NativeID != two.NativeID || len(f.list(t, provider.Filter{Owner: owner})) != 1 {
		t.Errorf("two calls with one token: %+v and %+v", one, two)
	}
	if other := f.create(t, f.want("m2")); other.NativeID == one.NativeID {
		t.Errorf("another token has the same machine %s", other.NativeID)
	}
}

func raced(t *testing.T, f *Fixture) {
	var wait sync.WaitGroup
	w := f.want("m1")
	ids := make([]string, 8)
	for i := range ids {
		wait.Go(func() {
			m, err := f.Provider.Create(t.Context(), w)
			if err != nil {
				t.Error(err)
			}
			ids[i] = m.NativeID
		})
	}
	wait.Wait()
	if slices.Sort(ids); ids[0] != ids[len(ids)-1] || len(f.list(t, provider.Filter{Owner: owner})) != 1 {
		t.Errorf("machines %v for one token", ids)
	}
}

func tagged(t *testing.T, f *Fixture) {
	w := f.want("m1")
	made := f.create(t, w)
	found := f.list(t, provider.Filter{Owner: owner, Token: "m1"})
	if len(found) != 1 {
		t.Fatalf("%d machines carry the token", len(found))
	}
	for what, m := range map[string]provider.Machine{"the answer": made, "the list": found[0]} {
		if m.Token != "m1" || m.Owner != owner || m.Sweep != nightly || !m.Expires.Equal(w.Expires) || m.Region != f.Region ||
			m.Type != f.Type || m.NativeID != made.NativeID || m.Launched.IsZero() {
			t.Errorf("%s is %+v", what, m)
		}
	}
}

func filtered(t *testing.T, f *Fixture) {
	other := f.want("m3")
	other.Sweep = "weekly"
	f.create(t, f.want("m1"))
	f.create(t, f.want("m2"))
	f.create(t, other)
	for _, c := range []struct {
		filter provider.Filter
		want   int
	}{
		{provider.Filter{Owner: owner}, 3},
		{provider.Filter{Owner: owner, Sweep: nightly}, 2},
		{provider.Filter{Owner: owner, Sweep: "weekly"}, 1},
		{provider.Filter{Owner: owner, Sweep: nightly, Token: "m3"}, 0},
		{provider.Filter{Owner: "installation-2"}, 0},
	} {
		if got := f.list(t, c.filter); len(got) != c.want {
			t.Errorf("%+v: want %d machines, got %+v", c.filter, c.want, got)
		}
	}
}

func foreign(t *testing.T, f *Fixture) {
	if !f.Provider.Traits().Destroys {
		t.Skip("this provider destroys nothing")
	}
	theirs := f.want("m2")
	theirs.Owner = "installation-2"
	f.create(t, theirs)
	ours := f.create(t, f.want("m1"))
	f.destroy(t, ours.NativeID)
	f.Wait(t, "ours is gone", func() bool { return len(f.list(t, provider.Filter{Owner: owner})) == 0 })
	if left := f.list(t, provider.Filter{Owner: "installation-2"}); len(left) != 1 || left[0].Token != "m2" {
		t.Errorf("another owner has %+v", left)
	}
}

func destroyed(t *testing.T, f *Fixture) {
	if !f.Provider.Traits().Destroys {
		t.Skip("this provider destroys nothing")
	}
	m := f.create(t, f.want("m1"))
	f.destroy(t, m.NativeID)
	f.destroy(t, m.NativeID)
	f.Wait(t, "it is gone", func() bool { return len(f.list(t, provider.Filter{Owner: owner})) == 0 })
	f.destroy(t, m.NativeID)
	again, err := f.Provider.Create(t.Context(), f.want("m1"))
	if err == nil && again.State != provider.Ended {
		t.Errorf("a token that was used made a second machine: %+v", again)
	}
}

func unknownID(t *testing.T, f *Fixture) {
	refs := []provider.Ref{{Kind: provider.KindMachine, ID: "i-none"}, {Kind: provider.KindDisk, ID: "vol-none"}}
	if err := f.Provider.Destroy(t.Context(), f.Region, refs); err != nil {
		t.Error(err)
	}
}

func tooLate(t *testing.T, f *Fixture) {
	w := f.want("m1")
	w.Expires, w.TTL = f.Now().Add(-time.Minute), -time.Minute
	if _, err := f.Provider.Create(t.Context(), w); err == nil || provider.Of(err).Class != provider.Invalid {
		t.Errorf("want invalid, got %v", err)
	}
	if left := f.list(t, provider.Filter{Owner: owner}); len(left) != 0 {
		t.Errorf("it was made: %+v", left)
	}
}

// strangersClock: whoever asks has a clock that is a day before or behind the provider's. What is left counts, and nothing else.
func strangersClock(t *testing.T, f *Fixture) {
	for token, off := range map[string]time.Duration{"behind": -24 * time.Hour, "before": 24 * time.Hour} {
		w := f.want(token)
		w.Expires = w.Expires.Add(off)
		f.create(t, w)
		if found := f.list(t, provider.Filter{Owner: owner, Token: token}); len(found) != 1 || !found[0].Expires.Equal(w.Expires) {
			t.Errorf("%s: %+v", token, found)
		}
	}
	if f.Expire == nil {
		return
	}
	f.Expire()
	if left := f.list(t, provider.Filter{Owner: owner}); len(left) != 0 {
		t.Errorf("after an hour: %+v", left)
	}
}

func unknownRegion(t *testing.T, f *Fixture) {
	regions, err := f.Provider.Regions(t.Context())
	if err != nil || !slices.Contains(regions, f.Region) {
		t.Errorf("regions are %q (%v), without %q", regions, err, f.Region)
	}
	if ms, _, err := f.Provider.List(t.Context(), "no-such-region", provider.Filter{Owner: owner}); err == nil {
		t.Errorf("a region that does not exist has %d machines and no error", len(ms))
	}
}

func classes(t *testing.T, f *Fixture) {
	if f.Fail == nil {
		t.Skip("this provider cannot be made to fail")
	}
	for i, class := range provider.Classes {
		if !f.Fail(class) {
			continue
		}
		w := f.want(fmt.Sprint("m", i))
		_, err := f.Provider.Create(t.Context(), w)
		e, ok := errors.AsType[*provider.Error](err)
		switch {
		case !ok || e.Class != class:
			t.Errorf("want an error of class %s, got %v", class, err)
		case !provider.Of(err).MayHaveHappened && len(f.list(t, provider.Filter{Owner: owner, Token: w.Token})) != 0:
			t.Errorf("%s: it says that nothing happened, and a machine is there", class)
		}
		f.Fail("")
		if m := f.create(t, w); m.Token != w.Token {
			t.Errorf("%s: the same token afterwards: %+v", class, m)
		}
	}
}

func lost(t *testing.T, f *Fixture) {
	if f.LoseReply == nil {
		t.Skip("this provider's replies cannot be lost")
	}
	f.LoseReply()
	_, err := f.Provider.Create(t.Context(), f.want("m1"))
	if err == nil || !provider.Of(err).MayHaveHappened {
		t.Fatalf("want an error after which a machine may be there, got %v", err)
	}
	found := f.list(t, provider.Filter{Owner: owner, Token: "m1"})
	if len(found) != 1 {
		t.Fatalf("by token: %+v", found)
	}
	if again := f.create(t, f.want("m1")); again.NativeID != found[0].NativeID {
		t.Errorf("the same token made another machine: %s, %s", found[0].NativeID, again.NativeID)
	}
}

func expires(t *testing.T, f *Fixture) {
	if f.Expire == nil {
		t.Skip("an hour cannot pass here")
	}
	f.create(t, f.want("m1"))
	f.Expire()
	if left := f.list(t, provider.Filter{Owner: owner}); len(left) != 0 {
		t.Errorf("after its expiry: %+v", left)
	}
}

func canceled(t *testing.T, f *Fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.Provider.Create(ctx, f.want("m1"))
	if err == nil {
		return // it was done all the same, and is said so
	}
	if e := provider.Of(err); !e.MayHaveHappened && len(f.list(t, provider.Filter{Owner: owner})) != 0 {
		t.Errorf("it says that nothing happened (%v), and a machine is there", err)
	}
}

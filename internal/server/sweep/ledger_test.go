package sweep_test

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cloud/ledger"
	"github.com/tachograph/tacho/internal/cloud/ledger/ledgertest"
	"github.com/tachograph/tacho/internal/core/fault"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// alternating is the ledger of two servers: each call goes to the other one than the last.
type alternating struct {
	books [2]remembering
	calls atomic.Int64
}

func (a *alternating) next() remembering { return a.books[a.calls.Add(1)%2] }

func (a *alternating) Take(ctx context.Context, id, holder string) (ledger.Lease, error) {
	return a.next().Take(ctx, id, holder)
}
func (a *alternating) Renew(ctx context.Context, id string, epoch int64) (ledger.Lease, error) {
	return a.next().Renew(ctx, id, epoch)
}
func (a *alternating) Release(ctx context.Context, id string, epoch int64) error {
	return a.next().Release(ctx, id, epoch)
}
func (a *alternating) Read(ctx context.Context, id string) (ledger.Snapshot, error) {
	return a.next().Read(ctx, id)
}
func (a *alternating) Intend(ctx context.Context, id string, epoch int64, in ledger.Intent) (ledger.Machine, error) {
	return a.next().Intend(ctx, id, epoch, in)
}
func (a *alternating) Record(ctx context.Context, id string, epoch int64, machine string, c ledger.Change) (ledger.Machine, error) {
	return a.next().Record(ctx, id, epoch, machine, c)
}
func (a *alternating) MoveSlot(ctx context.Context, id string, epoch int64, slot string, m ledger.SlotMove) error {
	return a.next().MoveSlot(ctx, id, epoch, slot, m)
}
func (a *alternating) SkipPool(ctx context.Context, id string, epoch int64, pool string, skip core.Skip) error {
	return a.next().SkipPool(ctx, id, epoch, pool, skip)
}
func (a *alternating) MoveSweep(ctx context.Context, id string, epoch int64, m ledger.SweepMove) (ledger.Sweep, error) {
	return a.next().MoveSweep(ctx, id, epoch, m)
}

// TestBookIsALedger on both databases, with two servers that share it.
func TestBookIsALedger(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, cfg store.Config) {
		ledgertest.Run(t, func(t *testing.T, d ledgertest.Draft) *ledgertest.Fixture {
			own := store.Config{Path: filepath.Join(t.TempDir(), "tacho.db")}
			if cfg.URL != "" {
				own.URL = testdb.URL(t, own.Path)
			}
			f := openFixture(t, own)
			both := &alternating{}
			for i, s := range f.servers {
				both.books[i] = remembering{s.sweeps.Book(f.member, "shop"), f}
			}
			return f.ledgerFixture(d, both, func(machine string) string {
				f.mu.Lock()
				defer f.mu.Unlock()
				return f.tokens[machine]
			})
		})
	})
}

// ledgerFixture makes the drafted sweep. token is what a machine enrols with.
func (f *fixture) ledgerFixture(d ledgertest.Draft, l ledger.Ledger, token func(machine string) string) *ledgertest.Fixture {
	f.t.Helper()
	in := api.NewSweep{ID: "nightly", Repeats: 1, TTL: int64(d.TTL / time.Second), Budget: int64(d.Budget),
		Workloads: []api.SweepWorkload{{Name: "w", Image: "app:v1", Adapter: "json", Timeout: 60}}}
	for i := range ledgertest.Pools {
		p := ledgertest.Pool(i)
		in.Pools = append(in.Pools, api.NewPool{Provider: p.Provider, Regions: p.Regions, Zones: p.Zones, Type: p.Type, Alias: p.Alias,
			Market: string(p.Market), Arch: p.Arch, VCPUs: p.VCPUs, Hosts: p.Hosts, Share: string(p.Share),
			Price: api.SweepPrice{PerHour: int64(p.Price.PerHour), Known: p.Price.Known, Source: p.Price.Source, Date: p.Price.Date,
				MinBilled: int64(p.Price.MinBilled / time.Second)}})
	}
	made := f.mustCreate(in)
	out := &ledgertest.Fixture{Ledger: l, Sweep: made.UUID, Slots: f.slots("nightly"), Advance: f.clock.advance}
	pools, err := f.sweeps.Pools(f.t.Context(), f.member, "shop", "nightly")
	if err != nil {
		f.t.Fatal(err)
	}
	for _, p := range pools {
		out.Pools = append(out.Pools, p.UUID)
	}
	out.People = func(v core.Verb) error {
		_, err := f.sweeps.Update(f.t.Context(), f.member, "shop", "nightly", api.UpdateSweep{Do: string(v)})
		return err
	}
	out.Contact = func(machine string) error {
		_, err := f.sweeps.Enroll(f.t.Context(), anonymous, api.EnrollMachine{Token: token(machine)})
		if fault.Is(err, fault.Unauthorized) { // a token that buys nothing any more says no more than that
			return fault.Conflictf("%s", fault.Message(err))
		}
		return err
	}
	out.End = func(slot string, _ int) {
		f.tx(func(tx *store.Tx) error {
			_, err := tx.Exec(f.t.Context(), `update job set state = 'processed', completed = $1 where slot_id = $2`,
				store.Micros(tx.Now()),
				slot)
			return err
		})
	}
	return out
}

package account_test

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/account"
	"github.com/tachograph/tacho/internal/server/fleet"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/testdb"
)

// desk is the service over a fresh database whose clock stands still until it is moved.
type desk struct {
	*account.Service
	t     *testing.T
	db    *store.Store
	clock time.Time
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	return openDesk(t, func(_ context.Context, cfg store.Config) (*store.Store, error) { return testdb.Open(t, cfg) })
}

func openDesk(t *testing.T, open func(context.Context, store.Config) (*store.Store, error)) *desk {
	t.Helper()
	d := &desk{t: t, clock: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	var err error
	d.db, err = open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "tacho.db"), Now: func() time.Time { return d.clock }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.db.Close(); err != nil {
			t.Error(err)
		}
	})
	d.Service = account.New(d.db, rand.Reader, fleet.RunnerIDByKeyHash)
	return d
}

func (d *desk) tx(f func(context.Context, *store.Tx) error) {
	d.t.Helper()
	if err := d.db.Tx(d.t.Context(), func(tx *store.Tx) error { return f(d.t.Context(), tx) }); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) admin() string {
	d.t.Helper()
	if err := d.EnsureAdmin(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	key, err := d.FirstKey(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return key
}

// person makes an account with a role in a new organization.
func (d *desk) person(name, role string) (who account.Account, home account.Organization) {
	d.t.Helper()
	d.tx(func(ctx context.Context, tx *store.Tx) (err error) {
		if who, err = account.Insert(ctx, tx, name, false); err != nil {
			return err
		}
		if home, err = account.InsertOrganization(ctx, tx, name+"'s", "free"); err != nil {
			return err
		}
		return account.AddMember(ctx, tx, who.ID, home.ID, role)
	})
	return who, home
}

func (d *desk) project(home account.Organization) (p project.Project) {
	d.t.Helper()
	d.tx(func(ctx context.Context, tx *store.Tx) (err error) {
		p, err = project.Insert(ctx, tx, project.Project{OrganizationID: home.ID, Name: "p", Visibility: "private"})
		return err
	})
	return p
}

func (d *desk) key(kind ident.KeyKind, owner string, ttl *time.Duration) (string, account.Key) {
	d.t.Helper()
	secret, row, err := d.NewKey(d.t.Context(), account.KeyParams{Kind: kind, Owner: owner, Name: "key", TTL: ttl})
	if err != nil {
		d.t.Fatal(err)
	}
	return secret, row
}

func TestTheFirstKeyIsMadeByTheFirstServerAndOnlyOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for range 2 { // local runs open the folder and have nobody to show a key to
		if err := d.EnsureAdmin(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	key, err := d.FirstKey(t.Context())
	if err != nil || key == "" {
		t.Fatalf("first server: key %q (%v)", key, err)
	}
	actor, err := d.Authenticate(t.Context(), key, "192.0.2.1")
	if err != nil || actor.Kind != access.User || !actor.Admin || len(actor.Organizations) != 1 || actor.SourceIP != "192.0.2.1" {
		t.Errorf("the first key speaks for %+v (%v)", actor, err)
	}
	for _, role := range actor.Organizations {
		if role != "leader" {
			t.Errorf("the admin is %s of its organization", role)
		}
	}
	if err := d.EnsureAdmin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again, err := d.FirstKey(t.Context()); again != "" || err != nil {
		t.Errorf("second server: key %q (%v)", again, err)
	}
}

// Earlier versions made the key when a folder was first opened, and a local run dropped it unseen.
func TestAKeyThatWasMadeUnseenDoesNotKeepTheFirstOneBack(t *testing.T) {
	t.Parallel()
	for name, used := range map[string]bool{"never used": false, "used": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			if err := d.EnsureAdmin(t.Context()); err != nil {
				t.Fatal(err)
			}
			d.tx(func(ctx context.Context, tx *store.Tx) error {
				admin, err := account.FirstAdmin(ctx, tx)
				if err != nil {
					return err
				}
				row, err := account.InsertKey(ctx, tx, account.Key{Kind: "user", Hash: "h", Hint: "h", Name: "first start", AccountID: &admin.ID})
				if err == nil && used {
					err = account.TouchKey(ctx, tx, row.ID)
				}
				return err
			})
			if key, err := d.FirstKey(t.Context()); err != nil || (key == "") != used {
				t.Errorf("key %q (%v)", key, err)
			}
			if key, err := d.FirstKey(t.Context()); err != nil || key != "" {
				t.Errorf("and then %q (%v)", key, err)
			}
		})
	}
}

func TestALostKeyIsRecoveredAndTheOthersAreRevokedOnRequest(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	lost := d.admin()
	opens := func(key string) bool {
		actor, err := d.Authenticate(t.Context(), key, "")
		return err == nil && actor.Admin
	}
	second, row, revoked, err := d.RecoverKey(t.Context(), false)
	if err != nil || revoked != 0 || !opens(second) || !opens(lost) || row.Hint != ident.KeyHint(second) {
		t.Errorf("recovered %+v, %d revoked (%v)", row, revoked, err)
	}
	who, _ := d.person("ada", "leader")
	hers, _ := d.key(ident.KeyUser, who.ID, nil)
	third, _, revoked, err := d.RecoverKey(t.Context(), true)
	if err != nil || revoked != 2 || !opens(third) || opens(second) || opens(lost) {
		t.Errorf("%d revoked (%v)", revoked, err)
	}
	if _, err := d.Authenticate(t.Context(), hers, ""); err != nil {
		t.Errorf("another person's key: %v", err)
	}
	if key, err := d.FirstKey(t.Context()); err != nil || key != "" {
		t.Errorf("the next start shows %q (%v)", key, err)
	}
}

func TestOnlyTheHashOfAKeyIsStored(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	who, _ := d.person("ada", "leader")
	secret, row := d.key(ident.KeyUser, who.ID, nil)
	if row.Hash != ident.HashKey(secret) || strings.Contains(row.Hint, secret[len("tacho_user_")+4:]) {
		t.Errorf("hash %s, hint %s", row.Hash, row.Hint)
	}
	d.tx(func(ctx context.Context, tx *store.Tx) error {
		stored, err := account.KeyByHash(ctx, tx, ident.HashKey(secret))
		if diff := cmp.Diff(row, stored); diff != "" {
			t.Errorf("(-returned +stored):\n%s", diff)
		}
		return err
	})
}

func TestAuthenticateKnowsWhoAKeySpeaksFor(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	who, home := d.person("ada", "member")
	p := d.project(home)
	user, _ := d.key(ident.KeyUser, who.ID, nil)
	run, _ := d.key(ident.KeyRun, p.ID, nil)
	runner, err := ident.NewKey(ident.KeyRunner, ident.TachoForm, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var machine fleet.Runner
	d.tx(func(ctx context.Context, tx *store.Tx) (err error) {
		machine, err = fleet.InsertRunner(ctx, tx, "r1", "", ident.HashKey(runner))
		return err
	})
	for name, tc := range map[string]struct {
		key  string
		want access.Actor
	}{
		"nobody": {"", access.Actor{Kind: access.Anonymous}},
		"a person": {user, access.Actor{Kind: access.User, AccountID: who.ID,
			Organizations: map[string]string{home.ID: "member"}}},
		"a program of one project": {run, access.Actor{Kind: access.RunKey, ProjectID: p.ID}},
		"a machine":                {runner, access.Actor{Kind: access.Runner, RunnerID: machine.ID}},
	} {
		tc.want.SourceIP = "192.0.2.7"
		got, err := d.Authenticate(t.Context(), tc.key, "192.0.2.7")
		if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestAuthenticateRefusesWithoutRepeatingTheKey(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	who, home := d.person("ada", "leader")
	p := d.project(home)
	hour := time.Hour
	expired, _ := d.key(ident.KeyUser, who.ID, &hour)
	revoked, row := d.key(ident.KeyUser, who.ID, nil)
	orphan, _ := d.key(ident.KeyRun, p.ID, nil)
	foreign, err := ident.NewKey(ident.KeyUser, ident.TachoForm, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pull, err := ident.NewKey(ident.KeyPull, ident.TachoForm, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{expired, revoked, orphan} {
		if _, err := d.Authenticate(t.Context(), key, ""); err != nil {
			t.Fatalf("a good key: %v", err)
		}
	}
	d.tx(func(ctx context.Context, tx *store.Tx) error {
		if err := account.RevokeKey(ctx, tx, who.ID, row.ID); err != nil {
			return err
		}
		return project.Delete(ctx, tx, p.ID)
	})
	d.clock = d.clock.Add(time.Hour) // at this very moment it expires
	forged := []byte(foreign)
	forged[len(forged)-1] ^= 1
	for name, tc := range map[string]struct{ key, says string }{
		"expired":                 {expired, "expired on 2026-01-02"},
		"revoked":                 {revoked, "was revoked"},
		"of a deleted project":    {orphan, "not known"},
		"of another server":       {foreign, "not known"},
		"cut":                     {foreign[:20], "not well-formed"},
		"with a mistake":          {string(forged), "not well-formed"},
		"a password":              {"hunter2", "not well-formed"},
		"a registry's pull token": {pull, "not known"},
		"another kind's prefix":   {strings.Replace(expired, "_user_", "_runner_", 1), "not well-formed"},
		"SQL":                     {"' or 1=1 --", "not well-formed"},
	} {
		actor, err := d.Authenticate(t.Context(), tc.key, "192.0.2.7")
		if !fault.Is(err, fault.Unauthorized) || !strings.Contains(fault.Message(err), tc.says) || strings.Contains(fault.Message(err), tc.key) {
			t.Errorf("a key %s: want an Unauthorized fault that says %q, got %v", name, tc.says, err)
		}
		if diff := cmp.Diff(access.Actor{}, actor); diff != "" {
			t.Errorf("a key %s gave an actor: %s", name, diff)
		}
	}
}

func TestUseOfAKeyIsNotedOnceAnHour(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	key := d.admin()
	lastUsed := func() (at time.Time) {
		t.Helper()
		if _, err := d.Authenticate(t.Context(), key, ""); err != nil {
			t.Fatal(err)
		}
		d.tx(func(ctx context.Context, tx *store.Tx) error {
			k, err := account.KeyByHash(ctx, tx, ident.HashKey(key))
			if k.LastUsed == nil {
				t.Fatal("the use was not noted")
			}
			at = *k.LastUsed
			return err
		})
		return at
	}
	first := d.clock
	for _, tc := range []struct {
		later time.Duration
		want  time.Time
	}{{0, first}, {59 * time.Minute, first}, {time.Hour, first}, {61 * time.Minute, first.Add(61 * time.Minute)}} {
		d.clock = first.Add(tc.later)
		if got := lastUsed(); !got.Equal(tc.want) {
			t.Errorf("after %v: want %v, got %v", tc.later, tc.want, got)
		}
	}
}

func TestKeyNeedsAName(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	who, _ := d.person("ada", "leader")
	for _, name := range []string{"", " x", "a\x00b", strings.Repeat("x", limits.ResourceNameBytes+1)} {
		if _, _, err := d.NewKey(t.Context(), account.KeyParams{Kind: ident.KeyUser, Owner: who.ID, Name: name}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: want an Invalid fault, got %v", name, err)
		}
	}
}

func TestNewProjectsGoHome(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.admin()
	who, home := d.person("zoe", "member")
	d.tx(func(ctx context.Context, tx *store.Tx) error {
		if got, err := account.HomeOf(ctx, tx, access.Actor{Kind: access.User, AccountID: who.ID}); err != nil || got.ID != home.ID {
			t.Errorf("a person's home: %q (%v)", got.Name, err)
		}
		if got, err := account.HomeOf(ctx, tx, access.Actor{Kind: access.Local}); err != nil || got.Name != "admin" {
			t.Errorf("the keyboard's home: %q (%v)", got.Name, err)
		}
		for kind, want := range map[access.Kind]fault.Kind{access.Anonymous: fault.Unauthorized, access.RunKey: fault.Forbidden,
			access.Runner: fault.Forbidden} {
			if _, err := account.HomeOf(ctx, tx, access.Actor{Kind: kind}); !fault.Is(err, want) {
				t.Errorf("%s: want a fault of kind %v, got %v", kind, want, err)
			}
		}
		if _, err := account.HomeOf(ctx, tx, access.Actor{Kind: access.User, AccountID: ident.NewUUID()}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a person without organization: %v", err)
		}
		return nil
	})
}

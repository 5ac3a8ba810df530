// Package account knows who is asking: it turns keys into actors, makes the first administrator, and makes and revokes keys.
//
// A key is 256 random bits, so only its SHA-256 is stored and one indexed look-up finds it. The key itself is returned once, by the
// function that makes it. What an actor may do is decided in core/access; callers ask there.
//
// Every noun but fleet may call it, and so may the edges and the chain, which authenticates.
package account

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
)

// Service is safe for concurrent use.
type Service struct {
	store  *store.Store
	random io.Reader
	watch  Watch
	runner func(ctx context.Context, tx *store.Tx, keyHash string) (id string, err error)
}

// Watch hears of every key that was shown.
type Watch interface {
	Right(key string)
	Wrong(source, key string) error // what to answer instead of saying that the key is wrong; nil: nothing
}

// New makes the service; random is crypto/rand's reader, runner finds the runner that a key belongs to.
func New(s *store.Store, random io.Reader, runner func(context.Context, *store.Tx, string) (string, error)) *Service {
	return &Service{store: s, random: random, runner: runner}
}

// Report lets w hear of the keys. It is called before the first of them comes.
func (s *Service) Report(w Watch) { s.watch = w }

// lastUsedStep is how coarsely the use of a key is noted, so that a request is not a write.
const lastUsedStep = time.Hour

// Authenticate returns the actor that a bearer text stands for. An empty text is anonymous; a malformed, unknown, expired or revoked key is
// an Unauthorized fault that does not repeat it, or what Watch says instead. A right key is right whatever others tried.
func (s *Service) Authenticate(ctx context.Context, bearer, sourceIP string) (access.Actor, error) {
	if bearer == "" {
		return access.Actor{Kind: access.Anonymous, SourceIP: sourceIP}, nil
	}
	actor, err := s.authenticate(ctx, bearer, sourceIP)
	switch {
	case s.watch == nil:
	case err == nil:
		s.watch.Right(bearer)
	case fault.Is(err, fault.Unauthorized):
		if instead := s.watch.Wrong(sourceIP, bearer); instead != nil {
			return access.Actor{}, instead
		}
	}
	return actor, err
}

func (s *Service) authenticate(ctx context.Context, bearer, sourceIP string) (access.Actor, error) {
	kind, ok := ident.ParseKey(bearer)
	if !ok {
		return access.Actor{},
			fault.Unauthorizedf("the key is not well-formed; it looks like tacho_user_… or bencher_user_… and may have been cut or mistyped")
	}
	switch kind {
	case ident.KeyUser, ident.KeyRun:
		return s.resolve(ctx, ident.HashKey(bearer), sourceIP, byKey)
	case ident.KeyRunner:
		return s.resolve(ctx, ident.HashKey(bearer), sourceIP, s.byRunner)
	}
	return access.Actor{}, unknownKey()
}

// Shown returns the actor of a key that was right when it was shown, from its hash: what it may do now, or an Unauthorized fault if it has
// expired or was revoked since. Nobody can guess with it, so Watch does not hear of it.
func (s *Service) Shown(ctx context.Context, hash, sourceIP string) (access.Actor, error) {
	return s.resolve(ctx, hash, sourceIP, func(ctx context.Context, tx *store.Tx, hash string) (access.Actor, string, error) {
		actor, stale, err := byKey(ctx, tx, hash)
		if fault.Is(err, fault.Missing) {
			return s.byRunner(ctx, tx, hash)
		}
		return actor, stale, err
	})
}

func unknownKey() error {
	return fault.Unauthorizedf("the key is not known; it may have been revoked, or belong to another server")
}

// resolve finds the actor of a key, and notes its use.
func (s *Service) resolve(
	ctx context.Context, hash, sourceIP string, find func(context.Context, *store.Tx, string) (access.Actor, string, error),
) (access.Actor, error) {
	var actor access.Actor
	var stale string
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		actor, stale, err = find(ctx, tx, hash)
		return err
	})
	if fault.Is(err, fault.Missing) {
		return access.Actor{}, unknownKey()
	}
	if err != nil {
		return access.Actor{}, err
	}
	actor.SourceIP = sourceIP
	if stale != "" {
		if err := s.store.Tx(ctx, func(tx *store.Tx) error { return TouchKey(ctx, tx, stale) }); err != nil {
			return access.Actor{}, fmt.Errorf("note the use of key %s: %w", stale, err)
		}
	}
	return actor, nil
}

// byRunner returns the actor of a runner's key. Its use is noted with the runner.
func (s *Service) byRunner(ctx context.Context, tx *store.Tx, hash string) (access.Actor, string, error) {
	id, err := s.runner(ctx, tx, hash)
	return access.Actor{Kind: access.Runner, RunnerID: id}, "", err
}

// byKey returns the actor of a user or run key, and its id if its last use should be noted again.
func byKey(ctx context.Context, tx *store.Tx, hash string) (actor access.Actor, stale string, err error) {
	k, err := KeyByHash(ctx, tx, hash)
	if err != nil {
		return actor, "", err
	}
	switch {
	case k.Revoked != nil:
		return actor, "", fault.Unauthorizedf("key %s was revoked", k.Hint)
	case k.Expires != nil && !tx.Now().Before(*k.Expires):
		return actor, "", fault.Unauthorizedf("key %s expired on %s", k.Hint, k.Expires.Format(time.DateOnly))
	}
	if k.LastUsed == nil || tx.Now().Sub(*k.LastUsed) > lastUsedStep {
		stale = k.ID
	}
	if k.ProjectID != nil {
		err := projectStands(ctx, tx, *k.ProjectID) // the keys of a deleted project open nothing
		return access.Actor{Kind: access.RunKey, ProjectID: *k.ProjectID}, stale, err
	}
	if k.AccountID == nil {
		return actor, "", fmt.Errorf("key %s belongs to nobody", k.ID)
	}
	who, err := ByRef(ctx, tx, *k.AccountID)
	if err != nil {
		return actor, "", err
	}
	roles, err := RolesOf(ctx, tx, who.ID)
	return access.Actor{Kind: access.User, AccountID: who.ID, Admin: who.Admin, Organizations: roles}, stale, err
}

// EnsureAdmin makes the first account and its organization when there is no account at all. It makes no key: a folder that a local run
// made has nobody to show one to; FirstKey is for a server that starts.
func (s *Service) EnsureAdmin(ctx context.Context) error {
	err := s.store.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.Lock(ctx, store.NewAccounts); err != nil {
			return err
		}
		n, err := Count(ctx, tx)
		if err != nil || n > 0 {
			return err
		}
		admin, err := Insert(ctx, tx, "admin", true)
		if err != nil {
			return err
		}
		// The owner of the machine has no tier to buy: its organization runs without limits.
		home, err := InsertOrganization(ctx, tx, "admin", "enterprise")
		if err != nil {
			return err
		}
		return AddMember(ctx, tx, admin.ID, home.ID, "leader")
	})
	if err != nil {
		return fmt.Errorf("make the first account: %w", err)
	}
	return nil
}

// Names of keys that the server makes by itself. Earlier versions made unshown at every first opening of a folder, also by a local run.
const (
	firstKey     = "first server start"
	unshown      = "first start"
	recoveredKey = "recovered on the server's machine"
)

// FirstKey makes the first administrator's key and returns it, and "" ever after. A key that nobody can have seen does not count: one that
// an earlier version made while no server ran, and that was never used.
func (s *Service) FirstKey(ctx context.Context) (key string, err error) {
	err = s.store.Tx(ctx, func(tx *store.Tx) error {
		key = ""
		if err := tx.Lock(ctx, store.NewAccounts); err != nil {
			return err
		}
		admin, err := FirstAdmin(ctx, tx)
		if err != nil {
			return err
		}
		keys, total, err := ListKeys(ctx, tx, admin.ID, store.Page{Limit: 1})
		if err != nil {
			return err
		}
		if total > 1 || total == 1 && (keys[0].Name != unshown || keys[0].LastUsed != nil) {
			return nil
		}
		key, _, err = s.insert(ctx, tx, Key{Kind: string(ident.KeyUser), Name: firstKey, AccountID: &admin.ID}, ident.TachoForm)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("make the first key: %w", err)
	}
	return key, nil
}

// RecoverKey makes another key for the first administrator, for whoever owns the machine and has lost the others. With revoke all of the
// administrator's other keys are refused from then on; revoked says how many were good until now.
func (s *Service) RecoverKey(ctx context.Context, revoke bool) (secret string, row Key, revoked int, err error) {
	err = s.store.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.Lock(ctx, store.NewAccounts); err != nil {
			return err
		}
		admin, err := FirstAdmin(ctx, tx)
		if err != nil {
			return err
		}
		if revoke {
			if revoked, err = RevokeKeys(ctx, tx, admin.ID); err != nil {
				return err
			}
		}
		secret, row, err = s.insert(ctx, tx, Key{Kind: string(ident.KeyUser), Name: recoveredKey, AccountID: &admin.ID}, ident.TachoForm)
		return err
	})
	if err != nil {
		return "", Key{}, 0, fmt.Errorf("recover the administrator's key: %w", err)
	}
	return secret, row, revoked, nil
}

// HomeOf returns the organization in which an actor's new projects go: a user's own first, the local one for the person at the keyboard.
func HomeOf(ctx context.Context, tx *store.Tx, actor access.Actor) (Organization, error) {
	var accountID string
	switch actor.Kind {
	case access.User:
		accountID = actor.AccountID
	case access.Local:
	case access.Anonymous:
		return Organization{}, fault.Unauthorizedf("a new project needs a user's key: set TACHO_KEY")
	default:
		return Organization{}, fault.Forbiddenf("a new project needs a user's key; a %s key belongs to no organization", actor.Kind)
	}
	mine, _, err := ListOrganizations(ctx, tx, accountID, store.Page{Limit: 1})
	if err != nil {
		return Organization{}, err
	}
	if len(mine) == 0 {
		return Organization{}, fault.Forbiddenf("this account belongs to no organization; a leader must add it to one first")
	}
	return mine[0], nil
}

// KeyParams say what key is wanted.
type KeyParams struct {
	Kind  ident.KeyKind // user or run
	Owner string        // id of the account (user) or the project (run)
	Name  string
	TTL   *time.Duration // nil: until it is revoked
	Form  ident.KeyForm  // "": our own
}

// NewKey makes a key for an account or a project.
func (s *Service) NewKey(ctx context.Context, p KeyParams) (secret string, row Key, err error) {
	if err := ident.CheckName("key", p.Name, limits.ResourceNameBytes); err != nil {
		return "", Key{}, err
	}
	row = Key{Kind: string(p.Kind), Name: p.Name}
	if p.Kind == ident.KeyRun {
		row.ProjectID = &p.Owner
	} else {
		row.AccountID = &p.Owner
	}
	err = s.store.Tx(ctx, func(tx *store.Tx) error {
		if p.TTL != nil {
			at := tx.Now().Add(*p.TTL)
			row.Expires = &at
		}
		var err error
		secret, row, err = s.insert(ctx, tx, row, cmp.Or(p.Form, ident.TachoForm))
		return err
	})
	return secret, row, err
}

func (s *Service) insert(ctx context.Context, tx *store.Tx, row Key, form ident.KeyForm) (string, Key, error) {
	secret, err := ident.NewKey(ident.KeyKind(row.Kind), form, s.random)
	if fault.Is(err, fault.Invalid) {
		return "", row, err
	}
	if err != nil {
		return "", row, fmt.Errorf("draw a key: %w", err)
	}
	row.Hash, row.Hint = ident.HashKey(secret), ident.KeyHint(secret)
	row, err = InsertKey(ctx, tx, row)
	return secret, row, err
}

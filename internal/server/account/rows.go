package account

import (
	"context"
	"database/sql"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/store"
)

// Account is a person.
type Account struct {
	ID, Name, Slug string
	Admin          bool
	Created        time.Time
}

const accountColumns = `id, name, slug, admin, created`

func scanAccount(row interface{ Scan(...any) error }) (Account, error) {
	var a Account
	var created int64
	err := row.Scan(&a.ID, &a.Name, &a.Slug, &a.Admin, &created)
	a.Created = store.TimeOf(created)
	return a, err
}

// Count returns how many people have an account.
func Count(ctx context.Context, tx *store.Tx) (int, error) {
	var n int
	err := tx.QueryRow(ctx, `select count(*) from account`).Scan(&n)
	return n, err
}

// Insert makes an account.
func Insert(ctx context.Context, tx *store.Tx, name string, admin bool) (Account, error) {
	a := Account{ID: ident.NewUUID(), Name: name, Admin: admin, Created: tx.Now()}
	a.Slug = store.SlugFor(name, a.ID)
	_, err := tx.Exec(ctx, `insert into account (id, name, slug, admin, created) values ($1, $2, $3, $4, $5)`, a.ID, a.Name, a.Slug, a.Admin,
		store.Micros(tx.Now()))
	if store.IsDuplicate(err) {
		return Account{}, fault.Conflictf("account %q exists already", name)
	}
	return a, err
}

// FirstAdmin returns the oldest account that may do all.
func FirstAdmin(ctx context.Context, tx *store.Tx) (Account, error) {
	a, err := scanAccount(tx.QueryRow(ctx, `select `+accountColumns+` from account where admin = $1 order by created, id limit 1`, true))
	return a, store.OneRow(err, "user", "admin")
}

// ByRef finds an account by UUID or slug.
func ByRef(ctx context.Context, tx *store.Tx, ref string) (Account, error) {
	where, value := store.ByRef(ref)
	a, err := scanAccount(tx.QueryRow(ctx, `select `+accountColumns+` from account where `+where, value))
	return a, store.OneRow(err, "user", ref)
}

// ByID returns those of ids that exist.
func ByID(ctx context.Context, tx *store.Tx, ids []string) (map[string]Account, error) {
	return store.ByID(ctx, tx, ids, `select `+accountColumns+` from account where id in `,
		func(r *sql.Rows) (Account, error) { return scanAccount(r) }, func(a Account) string { return a.ID })
}

package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
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
	a.Created = timeOf(created)
	return a, err
}

// CountAccounts returns how many people have an account.
func (tx *Tx) CountAccounts(ctx context.Context) (int, error) {
	var n int
	err := tx.q.QueryRowContext(ctx, `select count(*) from account`).Scan(&n)
	return n, err
}

// InsertAccount makes an account.
func (tx *Tx) InsertAccount(ctx context.Context, name string, admin bool) (Account, error) {
	a := Account{ID: ident.NewUUID(), Name: name, Admin: admin, Created: tx.now}
	a.Slug = slugFor(name, a.ID)
	_, err := tx.q.ExecContext(ctx, `insert into account (id, name, slug, admin, created) values ($1, $2, $3, $4, $5)`, a.ID, a.Name, a.Slug, a.Admin, micros(tx.now))
	if isDuplicate(err) {
		return Account{}, fault.Conflictf("account %q exists already", name)
	}
	return a, err
}

// FirstAdmin returns the oldest account that may do all.
func (tx *Tx) FirstAdmin(ctx context.Context) (Account, error) {
	a, err := scanAccount(tx.q.QueryRowContext(ctx, `select `+accountColumns+` from account where admin = $1 order by created, id limit 1`, true))
	return a, oneRow(err, "user", "admin")
}

// AccountByRef finds an account by UUID or slug.
func (tx *Tx) AccountByRef(ctx context.Context, ref string) (Account, error) {
	where, value := byRef(ref)
	a, err := scanAccount(tx.q.QueryRowContext(ctx, `select `+accountColumns+` from account where `+where, value))
	return a, oneRow(err, "user", ref)
}

// AccountsByID returns those of ids that exist.
func (tx *Tx) AccountsByID(ctx context.Context, ids []string) (map[string]Account, error) {
	return byID(ctx, tx, ids, `select `+accountColumns+` from account where id in `, func(r *sql.Rows) (Account, error) { return scanAccount(r) }, func(a Account) string { return a.ID })
}

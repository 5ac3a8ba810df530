package account

import (
	"context"
	"database/sql"
	"time"

	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/server/store"
)

// Key is an API key without its secret. AccountID is set for kind user, ProjectID for kind run.
type Key struct {
	ID, Kind, Hash, Hint, Name string
	AccountID, ProjectID       *string
	Created                    time.Time
	Expires, Revoked, LastUsed *time.Time
}

const keyColumns = `id, kind, hash, hint, name, account_id, project_id, created, expires, revoked, last_used`

func scanKey(row interface{ Scan(...any) error }) (Key, error) {
	var k Key
	var created int64
	var expires, revoked, used *int64
	err := row.Scan(&k.ID, &k.Kind, &k.Hash, &k.Hint, &k.Name, &k.AccountID, &k.ProjectID, &created, &expires, &revoked, &used)
	k.Created, k.Expires, k.Revoked, k.LastUsed = store.TimeOf(created), store.TimePtr(expires), store.TimePtr(revoked), store.TimePtr(used)
	return k, err
}

// InsertKey stores a key; ID and Created are set here.
func InsertKey(ctx context.Context, tx *store.Tx, k Key) (Key, error) {
	k.ID, k.Created = ident.NewUUID(), tx.Now()
	_, err := tx.Exec(ctx, `insert into api_key (id, kind, hash, hint, name, account_id, project_id, created, expires) values ($1, $2, $3, `+
		`$4, $5, $6, $7, $8, $9)`,
		k.ID, k.Kind, k.Hash, k.Hint, k.Name, k.AccountID, k.ProjectID, store.Micros(tx.Now()), store.MicrosPtr(k.Expires))
	return k, err
}

// KeyByHash finds a key, also an expired or revoked one. A missing one is a Missing fault without the hash.
func KeyByHash(ctx context.Context, tx *store.Tx, hash string) (Key, error) {
	k, err := scanKey(tx.QueryRow(ctx, `select `+keyColumns+` from api_key where hash = $1`, hash))
	return k, store.OneRow(err, "key", "…")
}

// TouchKey notes that a key was used.
func TouchKey(ctx context.Context, tx *store.Tx, id string) error {
	_, err := tx.Exec(ctx, `update api_key set last_used = $1 where id = $2`, store.Micros(tx.Now()), id)
	return err
}

// RevokeKey ends a key of the given owner (an account's or a project's id) for good.
func RevokeKey(ctx context.Context, tx *store.Tx, owner, id string) error {
	res, err := tx.Exec(ctx, `update api_key set revoked = coalesce(revoked, $1) where id = $2 and (account_id = $3 or project_id = $3)`,
		store.Micros(tx.Now()), id, owner)
	return store.ExactlyOne(res, err, "key", id)
}

// RevokeKeys ends all keys of an owner that are good, and returns how many.
func RevokeKeys(ctx context.Context, tx *store.Tx, owner string) (int, error) {
	res, err := tx.Exec(ctx, `update api_key set revoked = $1
		where (account_id = $2 or project_id = $2) and revoked is null and (expires is null or expires > $1)`, store.Micros(tx.Now()), owner)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// ListKeys returns a page of the keys of an account or a project, by creation.
func ListKeys(ctx context.Context, tx *store.Tx, owner string, page store.Page) ([]Key, int, error) {
	return store.PageOf(ctx, tx, "keys", keyColumns, ` from api_key where account_id = $1 or project_id = $1`, []any{owner},
		"created%s, id%s", page,
		func(r *sql.Rows) (Key, error) { return scanKey(r) })
}

// projectStands is a Missing fault for a project that was deleted.
func projectStands(ctx context.Context, tx *store.Tx, id string) error {
	var one int
	err := tx.QueryRow(ctx, `select 1 from project where id = $1 and deleted is null`, id).Scan(&one)
	return store.OneRow(err, "project", id)
}

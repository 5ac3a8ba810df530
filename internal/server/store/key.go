package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/tachograph/tacho/internal/core/ident"
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
	k.Created, k.Expires, k.Revoked, k.LastUsed = timeOf(created), timePtr(expires), timePtr(revoked), timePtr(used)
	return k, err
}

// InsertKey stores a key; ID and Created are set here.
func (tx *Tx) InsertKey(ctx context.Context, k Key) (Key, error) {
	k.ID, k.Created = ident.NewUUID(), tx.now
	_, err := tx.q.ExecContext(ctx, `insert into api_key (id, kind, hash, hint, name, account_id, project_id, created, expires) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		k.ID, k.Kind, k.Hash, k.Hint, k.Name, k.AccountID, k.ProjectID, micros(tx.now), microsPtr(k.Expires))
	return k, err
}

// KeyByHash finds a key, also an expired or revoked one. A missing one is a Missing fault without the hash.
func (tx *Tx) KeyByHash(ctx context.Context, hash string) (Key, error) {
	k, err := scanKey(tx.q.QueryRowContext(ctx, `select `+keyColumns+` from api_key where hash = $1`, hash))
	return k, oneRow(err, "key", "…")
}

// TouchKey notes that a key was used.
func (tx *Tx) TouchKey(ctx context.Context, id string) error {
	_, err := tx.q.ExecContext(ctx, `update api_key set last_used = $1 where id = $2`, micros(tx.now), id)
	return err
}

// RevokeKey ends a key of the given owner (an account's or a project's id) for good.
func (tx *Tx) RevokeKey(ctx context.Context, owner, id string) error {
	res, err := tx.q.ExecContext(ctx, `update api_key set revoked = coalesce(revoked, $1) where id = $2 and (account_id = $3 or project_id = $3)`, micros(tx.now), id, owner)
	return exactlyOne(res, err, "key", id)
}

// RevokeKeys ends all keys of an owner that are good, and returns how many.
func (tx *Tx) RevokeKeys(ctx context.Context, owner string) (int, error) {
	res, err := tx.q.ExecContext(ctx, `update api_key set revoked = $1
		where (account_id = $2 or project_id = $2) and revoked is null and (expires is null or expires > $1)`, micros(tx.now), owner)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// ListKeys returns a page of the keys of an account or a project, by creation.
func (tx *Tx) ListKeys(ctx context.Context, owner string, page Page) ([]Key, int, error) {
	var total int
	if err := tx.q.QueryRowContext(ctx, `select count(*) from api_key where account_id = $1 or project_id = $1`, owner).Scan(&total); err != nil {
		return nil, 0, err
	}
	rows, err := tx.q.QueryContext(ctx, `select `+keyColumns+` from api_key where account_id = $1 or project_id = $1 order by created`+direction(page)+`, id`+direction(page)+` limit $2 offset $3`, owner, page.Limit, page.Offset)
	out, err := collect(rows, err, func(r *sql.Rows) (Key, error) { return scanKey(r) })
	return out, total, err
}

package account

import (
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
)

// SigningKeys are the keys by which the servers of a database sign addresses. The first is made when it is needed.
type SigningKeys struct {
	store  *store.Store
	random io.Reader
	now    func() time.Time
}

// NewSigningKeys returns the keys of a database.
func NewSigningKeys(s *store.Store, random io.Reader, now func() time.Time) SigningKeys {
	return SigningKeys{s, random, now}
}

// signingKey is one of them. The secret is as it is, since a hash signs nothing.
type signingKey struct {
	id      string
	secret  []byte
	created time.Time
}

const signingKeyBytes = 32

// Current is the key that signs: the newest, or a new one when that is limits.SigningKeyLife old. Two servers may make one at once; both
// are good.
func (k SigningKeys) Current(ctx context.Context) (id string, secret []byte, err error) {
	now, err := k.current(ctx)
	return now.id, now.secret, err
}

func (k SigningKeys) current(ctx context.Context) (out signingKey, err error) {
	fresh := false
	if err := k.store.View(ctx, func(tx *store.Tx) error {
		out, fresh, err = newestSigningKey(ctx, tx, k.now())
		return err
	}); err != nil || fresh {
		return out, err
	}
	secret := make([]byte, signingKeyBytes)
	if _, err := io.ReadFull(k.random, secret); err != nil {
		return out, fmt.Errorf("make a signing key: %w", err)
	}
	made := signingKey{id: ident.NewUUID(), secret: secret}
	err = k.store.Tx(ctx, func(tx *store.Tx) error {
		if out, fresh, err = newestSigningKey(ctx, tx, k.now()); err != nil || fresh {
			return err
		}
		over := k.now().Add(-limits.SigningKeyLife - limits.SignedMost)
		if _, err := tx.Exec(ctx, `delete from signing_key where created < $1`, store.Micros(over)); err != nil {
			return fmt.Errorf("delete old signing keys: %w", err)
		}
		if _, err := tx.Exec(ctx, `insert into signing_key (id, secret, created) values ($1, $2, $3)`, made.id,
			base64.RawURLEncoding.EncodeToString(made.secret), store.Micros(k.now())); err != nil {
			return fmt.Errorf("insert signing key: %w", err)
		}
		out = made
		return nil
	})
	return out, err
}

func newestSigningKey(ctx context.Context, tx *store.Tx, now time.Time) (k signingKey, fresh bool, err error) {
	rows, err := tx.Query(ctx, `select id, secret, created from signing_key order by created desc, id desc limit 1`)
	found, err := store.Collect(rows, err, scanSigningKey)
	if err != nil || len(found) == 0 {
		return k, false, err
	}
	return found[0], now.Sub(found[0].created) < limits.SigningKeyLife, nil
}

// Find returns the secret of a key that may have signed something good.
func (k SigningKeys) Find(ctx context.Context, id string) (secret []byte, known bool, err error) {
	if !ident.IsUUID(id) {
		return nil, false, nil
	}
	var found []signingKey
	err = k.store.View(ctx, func(tx *store.Tx) (err error) {
		rows, err := tx.Query(ctx, `select id, secret, created from signing_key where id = $1`, id)
		found, err = store.Collect(rows, err, scanSigningKey)
		return err
	})
	if err != nil || len(found) == 0 {
		return nil, false, err
	}
	return found[0].secret, true, nil
}

func scanSigningKey(r *sql.Rows) (k signingKey, err error) {
	var secret string
	var created int64
	if err := r.Scan(&k.id, &secret, &created); err != nil {
		return k, err
	}
	k.created = store.TimeOf(created)
	if k.secret, err = base64.RawURLEncoding.DecodeString(secret); err == nil && len(k.secret) != signingKeyBytes {
		err = fmt.Errorf("signing key %s has %d bytes", k.id, len(k.secret))
	}
	return k, err
}

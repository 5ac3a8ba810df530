package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/store"
)

// Session is what a browser keeps of who signed in.
type Session struct {
	Token   string
	Expires time.Time
}

// SignIn opens a session for whoever shows a user's key. The session stands for that key: it can do what the key can do, and ends when the
// key is revoked or expires. Another kind of key is an Invalid fault; a wrong one is what Authenticate says of it.
func (s *Service) SignIn(ctx context.Context, key, sourceIP string) (Session, error) {
	actor, err := s.Authenticate(ctx, key, sourceIP)
	if err != nil {
		return Session{}, err
	}
	if actor.Kind != access.User {
		return Session{}, fault.Invalidf("this is not a person's key; sign in with one that looks like tacho_user_…")
	}
	token, err := ident.NewToken(s.random)
	if err != nil {
		return Session{}, fmt.Errorf("draw a session's token: %w", err)
	}
	var made Session
	err = s.store.Tx(ctx, func(tx *store.Tx) error {
		k, err := KeyByHash(ctx, tx, ident.HashKey(key))
		if err != nil {
			return err
		}
		made = Session{Token: token, Expires: tx.Now().Add(limits.SessionLife)}
		return insertSession(ctx, tx, k.ID, made)
	})
	return made, err
}

// BySession returns the actor of a session; stands is false if there is no such session any more.
func (s *Service) BySession(ctx context.Context, token, sourceIP string) (actor access.Actor, stands bool, err error) {
	var hash string
	err = s.store.View(ctx, func(tx *store.Tx) error {
		hash, err = keyOfSession(ctx, tx, ident.HashKey(token))
		return err
	})
	if err != nil || hash == "" {
		return access.Actor{}, false, err
	}
	actor, err = s.Shown(ctx, hash, sourceIP)
	if fault.Is(err, fault.Unauthorized) {
		return access.Actor{}, false, nil
	}
	return actor, err == nil, err
}

// SignOut ends a session.
func (s *Service) SignOut(ctx context.Context, token string) error {
	return s.store.Tx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `delete from session where hash = $1`, ident.HashKey(token))
		return err
	})
}

// insertSession stores a session, and forgets those that have expired.
func insertSession(ctx context.Context, tx *store.Tx, keyID string, made Session) error {
	if _, err := tx.Exec(ctx, `delete from session where expires <= $1`, store.Micros(tx.Now())); err != nil {
		return fmt.Errorf("forget expired sessions: %w", err)
	}
	_, err := tx.Exec(ctx, `insert into session (hash, key_id, created, expires) values ($1, $2, $3, $4)`,
		ident.HashKey(made.Token), keyID, store.Micros(tx.Now()), store.Micros(made.Expires))
	if err != nil {
		return fmt.Errorf("insert session: %w", err)
	}
	return nil
}

// keyOfSession returns the hash of the key that a session stands for, empty if there is no such session.
func keyOfSession(ctx context.Context, tx *store.Tx, hash string) (key string, err error) {
	err = tx.QueryRow(ctx, `select k.hash from session s join api_key k on k.id = s.key_id where s.hash = $1 and s.expires > $2`,
		hash, store.Micros(tx.Now())).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return key, err
}

// Package door is where every use case asks whether its actor may do what it is about to do. It is below all rooms of nouns.
//
// The edges do not ask: they authenticate, translate and call. So a new way in cannot forget the question. That a use case has not
// forgotten it is watched: an edge that serves under Watch learns from Asked whether somebody asked, and answers with an error of ours if
// nobody did.
//
// Who calls it: every room of a noun may call Authorize; an edge calls Watch and Asked.
package door

import (
	"context"
	"sync/atomic"

	"github.com/tachograph/tacho/internal/core/access"
)

// Authorize asks core/access, and notes in a watched context that it did and was allowed.
func Authorize(ctx context.Context, actor access.Actor, action access.Action, resource access.Resource) error {
	if err := access.Authorize(actor, action, resource); err != nil {
		return err
	}
	if asked, watched := ctx.Value(askedKey{}).(*atomic.Bool); watched {
		asked.Store(true)
	}
	return nil
}

type askedKey struct{}

// Watch returns a context in which Authorize leaves its mark.
func Watch(ctx context.Context) context.Context {
	return context.WithValue(ctx, askedKey{}, new(atomic.Bool))
}

// Asked reports whether anything was asked and allowed in a watched context.
func Asked(ctx context.Context) bool {
	asked, watched := ctx.Value(askedKey{}).(*atomic.Bool)
	return watched && asked.Load()
}

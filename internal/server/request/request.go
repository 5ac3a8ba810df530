// Package request holds what every edge of the server knows of an HTTP request: its id, the actor that it speaks for, and how an error
// is answered. httpapi puts these into the context, the runner channel and the pages read them.
//
// Who calls it: the edges, the chain, throttle, and the server root.
package request

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
)

type (
	actorKey struct{}
	idKey    struct{}
)

// WithActor returns a context that speaks for actor. It is set by the authenticating middleware, and by callers in the same process, whose
// transport no stranger can reach.
func WithActor(ctx context.Context, actor access.Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// ActorOf returns the request's actor; ok is false before it was authenticated.
func ActorOf(ctx context.Context) (actor access.Actor, ok bool) {
	actor, ok = ctx.Value(actorKey{}).(access.Actor)
	return actor, ok
}

// WithID returns a context with the request's id.
func WithID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, idKey{}, id)
}

// ID returns the request's id, empty outside a request.
func ID(ctx context.Context) string {
	id, _ := ctx.Value(idKey{}).(string)
	return id
}

// Bearer returns the bearer credentials of the Authorization header, empty if there are none. Other schemes are not ours: the registry
// reads its clients' Basic credentials itself.
func Bearer(r *http.Request) string {
	h := r.Header.Get("Authorization")
	if scheme, rest, ok := strings.Cut(h, " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(rest)
	}
	return ""
}

// Answer returns the status and the body for err, and logs what must not be shown.
func Answer(ctx context.Context, log *slog.Logger, err error) (int, *api.Error) {
	kind := fault.Of(err)
	if errors.Is(err, context.Canceled) && kind == fault.Internal {
		kind = fault.Canceled
	}
	if kind == fault.Internal {
		log.ErrorContext(ctx, "request failed", "request", ID(ctx), "error", err)
	}
	return kind.Status(), &api.Error{RequestID: ID(ctx), ErrorCode: kind.Code(), Message: fault.Message(err), Detail: fault.Detail(err)}
}

// WriteError answers err as JSON.
func WriteError(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	status, body := Answer(r.Context(), log, err)
	SayWhen(w.Header(), err)
	WriteJSON(w, status, body)
}

// SayWhen sets Retry-After where err says when the same request may be sent again.
func SayWhen(h http.Header, err error) {
	if after := fault.RetryAfter(err); after > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((after+time.Second-1)/time.Second), 10))
	}
}

// WriteJSON answers v.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the reader is gone if this fails
}

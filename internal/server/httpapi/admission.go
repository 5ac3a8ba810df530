package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/admit"
)

// held leaves what a request holds of the gates when its answer is written.
func held(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, done := admit.Hold(r.Context())
		defer done()
		within(ctx, next, w, r)
	})
}

// admitted lets an operation's body in by its size before a byte of it is read, and reads it. A body without a length counts as the largest
// that the operation takes until it was read.
func (a *API) admitted(method string, limit int64) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if method == http.MethodGet || method == http.MethodDelete {
			next(ctx)
			return
		}
		b, err := a.read(ctx, limit)
		if err != nil {
			a.refuse(ctx, err)
			return
		}
		next(b)
	}
}

// refuse answers an error before the operation's own handler was reached.
func (a *API) refuse(ctx huma.Context, err error) {
	ours := answerTo(ctx.Context(), a.log, err)
	for name := range ours.header {
		ctx.SetHeader(name, ours.header.Get(name))
	}
	ctx.SetHeader("Content-Type", "application/json")
	ctx.SetStatus(ours.status)
	_ = json.NewEncoder(ctx.BodyWriter()).Encode(ours.errorBody) // the caller is gone if this fails
}

// read returns ctx with a body that is in memory. What could not be read leaves the sentence to huma, which reads again and finds it out.
func (a *API) read(ctx huma.Context, limit int64) (huma.Context, error) {
	size, err := strconv.ParseInt(ctx.Header("Content-Length"), 10, 64)
	known := err == nil
	if !known {
		size = limit
	}
	if actorOf(ctx.Context()).Kind == access.Anonymous {
		size = min(size, limits.AnonymousBodyBytes)
	}
	if size == 0 {
		return ctx, nil
	}
	if limit > limits.JSONBodyBytes && size > limits.LargeBodyBytes {
		return a.readLarge(ctx, size, limit, known)
	}
	raw, err := a.cfg.Gates.Small.Enter(ctx.Context(), size)
	if err != nil {
		return nil, err
	}
	admit.Keep(ctx.Context(), raw)
	_ = ctx.SetReadDeadline(time.Now().Add(limits.BodyReadTimeout)) // a caller in the same process has none
	b := &inMemory{humaContext: ctx}
	if known {
		b.text.Grow(int(size))
	}
	_, failed := io.Copy(&b.text, io.LimitReader(ctx.BodyReader(), limit))
	raw.Shrink(int64(b.text.Len()))
	decoding, err := a.cfg.Gates.Decode.Enter(ctx.Context(), int64(b.text.Len())*limits.DecodeCost)
	if err != nil {
		return nil, err
	}
	admit.Keep(ctx.Context(), decoding)
	b.rest = &again{&b.text, failed}
	return huma.WithContext(b, context.WithValue(ctx.Context(), decodingKey{}, decoding)), nil
}

// readLarge reads a report whose results are too large to be decoded twice.
func (a *API) readLarge(ctx huma.Context, size, limit int64, known bool) (huma.Context, error) {
	pass, err := a.cfg.Gates.Bodies.Enter(ctx.Context(), size)
	if err != nil {
		return nil, err
	}
	admit.Keep(ctx.Context(), pass)
	if !known {
		size = 0
	}
	_ = ctx.SetReadDeadline(time.Now().Add(limits.BodyReadTimeout)) // as above
	results, rest, err := split(io.LimitReader(ctx.BodyReader(), limit), size)
	if err != nil {
		return nil, err
	}
	held := int64(len(rest))
	for _, text := range results {
		held += int64(len(text))
	}
	pass.Shrink(held)
	b := &inMemory{humaContext: ctx, rest: bytes.NewReader(rest)}
	return huma.WithContext(b, context.WithValue(ctx.Context(), resultsKey{}, &largeBody{results, pass})), nil
}

// humaContext is huma.Context under a name that leaves its method Context visible when it is embedded.
type humaContext = huma.Context

// inMemory is a request whose body was read.
type inMemory struct {
	humaContext
	text bytes.Buffer
	rest io.Reader
}

func (b *inMemory) BodyReader() io.Reader { return b.rest }

// again reads what was read, and ends as that ended.
type again struct {
	text   *bytes.Buffer
	failed error
}

func (r *again) Read(p []byte) (int, error) {
	n, err := r.text.Read(p)
	if err == io.EOF && r.failed != nil { //nolint:errorlint // bytes.Buffer returns it bare
		err = r.failed
	}
	return n, err
}

type (
	decodingKey struct{}
	resultsKey  struct{}
)

// decoded leaves the gate for decoding: what it held is garbage by now.
func decoded(ctx context.Context) {
	if pass, ok := ctx.Value(decodingKey{}).(*admit.Pass); ok {
		pass.Leave()
	}
}

// largeBody is a body that was split.
type largeBody struct {
	results []string
	pass    *admit.Pass
}

// resultsOf are the results of a body that was split, else those that were decoded with it. They are handed over: the context lives longer.
func resultsOf(ctx context.Context, inBody []string) []string {
	if large, ok := ctx.Value(resultsKey{}).(*largeBody); ok {
		results := large.results
		large.results = nil
		return results
	}
	return inBody
}

// release leaves the gate for large bodies: nobody has the results any more.
func release(ctx context.Context) {
	if large, ok := ctx.Value(resultsKey{}).(*largeBody); ok {
		large.pass.Leave()
	}
}

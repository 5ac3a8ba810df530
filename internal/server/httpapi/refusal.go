package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/request"
)

// errorBody is api.Error under a name that leaves its method Error visible when it is embedded.
type errorBody = api.Error

// answer is api.Error with its status, as huma wants errors.
type answer struct {
	errorBody
	status int
	header http.Header
}

// answerTo is the answer for an error of ours.
func answerTo(ctx context.Context, log *slog.Logger, err error) *answer {
	status, body := request.Answer(ctx, log, err)
	a := &answer{*body, status, http.Header{}}
	request.SayWhen(a.header, err)
	return a
}

func (e *answer) GetStatus() int          { return e.status }
func (e *answer) GetHeaders() http.Header { return e.header }

// Schema says in the document that an answer is an api.Error; huma does not look into an embedded type that has no exported name.
func (e *answer) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[api.Error](), true, "")
}

// useOurErrors gives huma's own refusals (a body that does not decode, a parameter out of range) our shape. Its hook is a variable of the
// package, so it is set once and to the same for every server in the process.
var useOurErrors = sync.OnceFunc(func() {
	huma.DefaultArrayNullable = false // we never send null for an empty list
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		id := ""
		if ctx != nil {
			id = request.ID(ctx.Context())
		}
		return refusal(id, status, message, errs)
	}
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return refusal("", status, message, errs)
	}
})

func refusal(id string, status int, message string, errs []error) *answer {
	switch cause := errors.Join(errs...); {
	case status == http.StatusUnprocessableEntity:
		status = http.StatusBadRequest
	case bodyTooLarge(cause):
		status, message, errs = http.StatusRequestEntityTooLarge,
			fmt.Sprintf("the body is larger than %d bytes, the limit without credentials", limits.AnonymousBodyBytes), nil
	case status == http.StatusInternalServerError && message == "cannot read request body":
		status, message, errs = http.StatusBadRequest, "the body ended early, or its chunks are malformed", nil
	}
	if status >= http.StatusInternalServerError {
		return &answer{api.Error{RequestID: id, ErrorCode: fault.FromStatus(status).Code(), Message: fault.Message(nil)}, status, nil}
	}
	for i, err := range errs[:min(len(errs), 4)] {
		if i == 0 {
			message += ": " + detail(err)
		} else {
			message += "; " + detail(err)
		}
	}
	return &answer{api.Error{RequestID: id, ErrorCode: fault.FromStatus(status).Code(), Message: message}, status, nil}
}

func bodyTooLarge(err error) bool {
	_, ok := errors.AsType[*http.MaxBytesError](err)
	return ok
}

// detail is where and what of a refusal. huma would add the value, which can be the whole body.
func detail(err error) string {
	d, ok := errors.AsType[*huma.ErrorDetail](err)
	if !ok || d.Location == "" {
		return err.Error()
	}
	return d.Location + ": " + d.Message
}

package registry

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/server/request"
)

// subject is what an error is about. With the fault's kind it decides the OCI code.
type subject int

const (
	aboutRequest   subject = iota
	aboutRoute             // path and method
	aboutName              // repository or project
	aboutDigest            // a digest that the client sent
	aboutBlob              //
	aboutRange             // of a blob to read
	aboutUpload            // session
	aboutChunk             // a piece at the wrong place
	aboutManifest          //
	aboutReference         // what a manifest names
	aboutTags              // a page of a list
)

// aboutError says what err is about.
type aboutError struct {
	subject subject
	err     error
}

func (e *aboutError) Error() string { return e.err.Error() }
func (e *aboutError) Unwrap() error { return e.err }

// about marks err, if there is one. A mark that it has already is kept: who was nearest knows best.
func about(s subject, err error) error {
	if err == nil {
		return nil
	}
	if _, marked := errors.AsType[*aboutError](err); marked {
		return err
	}
	return &aboutError{s, err}
}

type failureKey struct {
	subject subject
	kind    fault.Kind
}

type failureRow struct {
	status int
	code   string
}

// failures is the one table of subject and kind → HTTP status and OCI error code. What is not in it takes its kind's row in
// failuresOfAny.
var failures = map[failureKey]failureRow{
	{aboutRoute, fault.Missing}:      {http.StatusNotFound, "UNSUPPORTED"},
	{aboutRoute, fault.Invalid}:      {http.StatusMethodNotAllowed, "UNSUPPORTED"},
	{aboutName, fault.Invalid}:       {http.StatusBadRequest, "NAME_INVALID"},
	{aboutName, fault.Missing}:       {http.StatusNotFound, "NAME_UNKNOWN"},
	{aboutDigest, fault.Invalid}:     {http.StatusBadRequest, "DIGEST_INVALID"},
	{aboutBlob, fault.Missing}:       {http.StatusNotFound, "BLOB_UNKNOWN"},
	{aboutRange, fault.Invalid}:      {http.StatusRequestedRangeNotSatisfiable, "SIZE_INVALID"},
	{aboutUpload, fault.Missing}:     {http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN"},
	{aboutUpload, fault.Invalid}:     {http.StatusBadRequest, "BLOB_UPLOAD_INVALID"},
	{aboutUpload, fault.Conflict}:    {http.StatusConflict, "BLOB_UPLOAD_INVALID"},
	{aboutUpload, fault.TooLarge}:    {http.StatusRequestEntityTooLarge, "SIZE_INVALID"},
	{aboutChunk, fault.Invalid}:      {http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID"},
	{aboutChunk, fault.Conflict}:     {http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID"},
	{aboutManifest, fault.Missing}:   {http.StatusNotFound, "MANIFEST_UNKNOWN"},
	{aboutManifest, fault.Invalid}:   {http.StatusBadRequest, "MANIFEST_INVALID"},
	{aboutManifest, fault.TooLarge}:  {http.StatusRequestEntityTooLarge, "MANIFEST_INVALID"},
	{aboutReference, fault.Missing}:  {http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN"},
	{aboutReference, fault.Invalid}:  {http.StatusBadRequest, "MANIFEST_INVALID"},
	{aboutReference, fault.TooLarge}: {http.StatusRequestEntityTooLarge, "MANIFEST_INVALID"},
	{aboutTags, fault.Invalid}:       {http.StatusBadRequest, "PAGINATION_NUMBER_INVALID"},
}

var failuresOfAny = map[fault.Kind]string{
	fault.Internal:     "UNKNOWN",
	fault.Invalid:      "UNSUPPORTED",
	fault.Unauthorized: "UNAUTHORIZED",
	fault.Forbidden:    "DENIED",
	fault.Missing:      "NAME_UNKNOWN",
	fault.Conflict:     "DENIED",
	fault.TooLarge:     "SIZE_INVALID",
	fault.TooMany:      "TOOMANYREQUESTS",
	fault.Unavailable:  "UNAVAILABLE",
	fault.Canceled:     "UNKNOWN",
}

// classify returns the row of an error.
func classify(err error) failureRow {
	kind := fault.Of(err)
	if e, ok := errors.AsType[*aboutError](err); ok {
		if row, ok := failures[failureKey{e.subject, kind}]; ok {
			return row
		}
	}
	return failureRow{kind.Status(), failuresOfAny[kind]}
}

// errorBody is the specification's error format.
type errorBody struct {
	Errors []errorEntry `json:"errors"`
}

type errorEntry struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Refuse answers a request that did not get as far as here, in the way registry clients read.
func (g *Registry) Refuse(w http.ResponseWriter, r *http.Request, err error) { g.refuse(w, r, err) }

// refuse answers a request with an error. Internals go to the log only.
func (g *Registry) refuse(w http.ResponseWriter, r *http.Request, err error) {
	row := classify(err)
	switch fault.Of(err) {
	case fault.Internal:
		g.log.ErrorContext(r.Context(), "registry request failed", slog.String("method", r.Method), slog.String("path", r.URL.Path),
			slog.Any("error", err))
	case fault.Unavailable:
		g.log.WarnContext(r.Context(), "registry storage unavailable", slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	request.SayWhen(w.Header(), err)
	writeJSON(w, row.status, "application/json", errorBody{[]errorEntry{{row.code, fault.Message(err)}}})
}

// writeJSON answers with v. A value of ours always encodes.
func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	writeBody(w, status, contentType, body)
}

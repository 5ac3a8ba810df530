package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// InProcess returns a transport that calls handler in this process, without a socket. decorate, which may be nil, may change each request
// before the handler sees it, for example put an actor into its context. Answers are streamed as the handler writes them; closing an
// answer's body, or the end of the request's context, ends the handler's context.
func InProcess(handler http.Handler, decorate func(*http.Request) *http.Request) http.RoundTripper {
	return &inProcess{handler, decorate}
}

type inProcess struct {
	handler  http.Handler
	decorate func(*http.Request) *http.Request
}

func (t *inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	target, err := url.ParseRequestURI(req.URL.RequestURI())
	if err != nil {
		return nil, fmt.Errorf("call in-process %s: %w", req.URL.Path, err)
	}
	ctx, cancel := context.WithCancel(req.Context())
	in := req.Clone(ctx)
	in.URL, in.RequestURI, in.RemoteAddr = target, target.RequestURI(), "127.0.0.1:0"
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/1.1", 1, 1
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if t.decorate != nil {
		in = t.decorate(in)
	}
	r, w := io.Pipe()
	answer := &answerWriter{header: http.Header{}, body: w, ready: make(chan struct{})}
	go t.serve(answer, in)
	select {
	case <-answer.ready:
	case <-ctx.Done():
		cause := context.Cause(ctx)
		cancel()
		_ = r.CloseWithError(cause) // a handler that does not look at its context is stopped at its next write
		return nil, cause
	}
	if answer.failed != nil {
		cancel()
		return nil, answer.failed
	}
	// The pipe knows nothing of the context: a reader that waits while ctx ends has to be told.
	stop := context.AfterFunc(ctx, func() { _ = w.CloseWithError(context.Cause(ctx)) })
	res := &http.Response{
		Status: fmt.Sprintf("%d %s", answer.status, http.StatusText(answer.status)), StatusCode: answer.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: answer.sent, ContentLength: -1, Request: req,
		Body: &answerBody{r: r, close: func() { stop(); cancel() }},
	}
	return res, nil
}

func (t *inProcess) serve(w *answerWriter, r *http.Request) {
	defer r.Body.Close()
	defer func() {
		if v := recover(); v != nil {
			w.end(fmt.Errorf("call in-process %s: the handler panicked: %v", r.URL.Path, v))
		}
	}()
	t.handler.ServeHTTP(w, r)
	// A handler that left because its caller did has not finished: the reader must see why, and not an end.
	w.end(context.Cause(r.Context()))
}

// answerBody is what the caller reads.
type answerBody struct {
	r     *io.PipeReader
	close func()
	once  sync.Once
}

func (b *answerBody) Read(p []byte) (int, error) { return b.r.Read(p) }

func (b *answerBody) Close() error {
	b.once.Do(b.close)
	return b.r.Close()
}

// answerWriter is the handler's side. Like net/http's it is for one goroutine at a time.
type answerWriter struct {
	header http.Header
	body   *io.PipeWriter

	status int
	sent   http.Header // header as it was when the answer began
	failed error       // the handler ended in a panic before the answer began
	ready  chan struct{}
	begun  bool
}

func (w *answerWriter) Header() http.Header { return w.header }

func (w *answerWriter) WriteHeader(status int) {
	if w.begun || status < 200 { // informational answers have no reader here
		return
	}
	w.begun, w.status, w.sent = true, status, w.header.Clone()
	close(w.ready)
}

func (w *answerWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if len(p) == 0 {
		return 0, nil
	}
	return w.body.Write(p)
}

// Flush begins the answer; what was written is with the reader already.
func (w *answerWriter) Flush() { w.WriteHeader(http.StatusOK) }

// SetReadDeadline and SetWriteDeadline satisfy http.ResponseController: the context is the only deadline here.
func (w *answerWriter) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing; see SetReadDeadline.
func (w *answerWriter) SetWriteDeadline(time.Time) error { return nil }

func (w *answerWriter) end(err error) {
	if err != nil && !w.begun {
		w.begun, w.failed = true, err
		close(w.ready)
	}
	w.WriteHeader(http.StatusOK)
	if err == nil {
		err = io.EOF
	} else if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	_ = w.body.CloseWithError(err)
}

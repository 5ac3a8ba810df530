package chain

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/request"
)

// compressible are the media types that are worth compressing. What is not here goes out as it is: event streams, which must not wait for a
// block to be full; outputs of jobs, whose Content-Length is what shows that one was cut off; what is compressed already.
var compressible = []string{"text/html", "text/css", "text/javascript", "image/svg+xml", "application/json", "application/openapi+json",
	"application/vnd.tacho.columns+json"}

// compressed compresses answers for callers that accept it.
//
// Compression shows an eavesdropper, by the length of an answer, whether something that an attacker put into it is also elsewhere in it
// (BREACH). That takes an attacker who makes a browser ask again and again with the rights of its user. No answer has a CSRF token, but
// pages of private projects are secret and repeat parameters of their address. So an answer that a session's cookie may have opened is
// compressed only if the browser says that its own user or our own page asked (Sec-Fetch-Site), never another site. A key in a header does
// not come along by itself, so it needs no such care.
func (c Chain) compressed(next http.Handler) http.Handler {
	if c.Compress == nil {
		return next
	}
	compressors := newCompressors(limits.Compressors)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.Compress(r) {
			next.ServeHTTP(w, r)
			return
		}
		coding, identity := acceptable(r.Header.Values("Accept-Encoding"))
		if r.Header.Get("Range") != "" || !askedByOurselves(r) {
			coding = ""
		}
		a := &answer{ResponseWriter: w, compressors: compressors, coding: coding, least: limits.CompressLeast, head: r.Method == http.MethodHead}
		if !identity {
			a.least = 0
		}
		defer a.release()
		next.ServeHTTP(a, r)
		if err := a.finish(); err != nil {
			panic(http.ErrAbortHandler) // the caller is gone, or must not take what it has for the whole
		}
	})
}

// askedByOurselves is false for a request with a session that another site may have caused.
func askedByOurselves(r *http.Request) bool {
	if request.Session(r) == "" {
		return true
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "same-origin" || site == "none"
}

// The content codings that we know, the better one first.
var codings = []string{"zstd", "gzip"}

// acceptable returns the coding that an Accept-Encoding header likes best, "" for none, and whether no coding would do too (RFC 9110,
// section 12.5.3). Of equals the better one is taken. An entry that cannot be read is left out.
func acceptable(header []string) (coding string, identity bool) {
	quality := map[string]float64{}
	for entry := range strings.SplitSeq(strings.Join(header, ","), ",") {
		name, parameters, _ := strings.Cut(entry, ";")
		name = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(name)), "x-") // x-gzip is an old name of gzip
		q := 1.0
		if key, value, given := strings.Cut(parameters, "="); given {
			var err error
			if q, err = strconv.ParseFloat(strings.TrimSpace(value), 64); err != nil || !strings.EqualFold(strings.TrimSpace(key), "q") ||
				!(q >= 0 && q <= 1) {
				continue
			}
		}
		if name != "" {
			quality[name] = q
		}
	}
	rest, others := quality["*"]
	best := 0.0
	for _, known := range codings {
		q, named := quality[known]
		if !named {
			q = rest
		}
		if q > best {
			coding, best = known, q
		}
	}
	q, named := quality["identity"]
	if named && q > best {
		coding = ""
	}
	return coding, named && q > 0 || !named && (!others || rest > 0)
}

// answer is a ResponseWriter that holds the beginning of an answer until it knows how to send it.
type answer struct {
	http.ResponseWriter
	compressors *compressors
	coding      string // that the caller accepts; empty: none
	least       int    // bytes below which an answer is sent as it is
	head        bool

	status   int   // that the handler wants; 0: none yet
	declared int64 // by the handler as Content-Length, of an answer that is compressed; -1: not
	written  int64
	held     []byte
	decided  bool
	encoder  encoder // nil: the answer goes out as it is
	bodyless bool    // the header says it is compressed, and nobody reads the body
	failed   error
}

// WriteHeader keeps the status until enough of the body is there.
func (a *answer) WriteHeader(status int) {
	switch {
	case a.decided || status < 200 && status != http.StatusSwitchingProtocols:
		a.ResponseWriter.WriteHeader(status) // a mistake that net/http logs, or a note before the answer
		return
	case a.status != 0:
		return // the first one counts
	}
	a.status = status
	h := a.Header()
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	if !slices.Contains(compressible, strings.ToLower(strings.TrimSpace(kind))) || h.Get("Content-Encoding") != "" {
		a.begin()
		return
	}
	h.Add("Vary", "Accept-Encoding")
	if a.coding == "" || status == http.StatusPartialContent {
		a.begin()
	}
}

func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 && !a.decided {
		a.WriteHeader(http.StatusOK)
	}
	if !a.decided {
		if len(a.held)+len(p) < max(a.least, 1) {
			a.held = append(a.held, p...)
			return len(p), nil
		}
		a.compress()
		if err := a.sendHeld(); err != nil {
			return 0, err
		}
	}
	return a.send(p)
}

func (a *answer) send(p []byte) (int, error) {
	a.written += int64(len(p))
	switch {
	case a.bodyless:
		return len(p), nil
	case a.encoder == nil:
		return a.ResponseWriter.Write(p)
	case a.failed != nil:
		return 0, a.failed
	}
	n, err := a.encoder.Write(p)
	a.failed = err
	return n, err
}

func (a *answer) sendHeld() error {
	held := a.held
	a.held = nil
	if len(held) == 0 {
		return nil
	}
	_, err := a.send(held)
	return err
}

// begin sends the header.
func (a *answer) begin() {
	a.decided = true
	if a.status != 0 {
		a.ResponseWriter.WriteHeader(a.status)
	}
}

// compress sends the header of an answer that is compressed, if there is a compressor for it.
func (a *answer) compress() {
	h := a.Header()
	if a.head {
		a.bodyless = true
	} else if a.encoder = a.compressors.take(a.coding, a.ResponseWriter); a.encoder == nil {
		a.begin()
		return
	}
	a.declared = -1
	if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil {
		a.declared = n
	}
	h.Del("Content-Length") // of the other form
	h.Del("Accept-Ranges")
	h.Set("Content-Encoding", a.coding)
	if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		h.Set("ETag", "W/"+tag) // the bytes differ, what they say does not
	}
	a.begin()
}

var errCutOff = errors.New("the answer is shorter than its Content-Length")

// finish sends what is left.
func (a *answer) finish() error {
	if !a.decided {
		if a.status == 0 { // nothing was answered, or the connection was taken over
			return nil
		}
		a.begin()
		return a.sendHeld()
	}
	if a.encoder == nil {
		return nil
	}
	if a.failed == nil && a.declared >= 0 && a.written < a.declared {
		a.failed = errCutOff
	}
	if a.failed != nil {
		return a.failed
	}
	return a.encoder.Close()
}

// release gives the compressor back.
func (a *answer) release() {
	if a.encoder != nil {
		a.compressors.release(a.coding, a.encoder)
		a.encoder = nil
	}
}

// FlushError sends what is there. An answer that is flushed before much of it is there is a stream and is not compressed.
func (a *answer) FlushError() error {
	if !a.decided {
		a.begin()
		if err := a.sendHeld(); err != nil {
			return err
		}
	}
	if a.encoder != nil && a.failed == nil {
		if a.failed = a.encoder.Flush(); a.failed != nil {
			return a.failed
		}
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Flush is FlushError for who asks for an http.Flusher.
func (a *answer) Flush() { _ = a.FlushError() }

// Unwrap lets http.ResponseController reach deadlines and Hijack of the inner writer.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// encoder is what both compressors can do.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(w io.Writer)
}

// compressors lends compressors. A limited number is in use at once, so that readers who take their time hold a bounded amount of
// memory; who finds none left is answered uncompressed and does not wait.
type compressors struct {
	left chan struct{}
	idle map[string]*sync.Pool // by coding
}

func newCompressors(most int) *compressors {
	c := &compressors{left: make(chan struct{}, most), idle: map[string]*sync.Pool{}}
	c.idle["gzip"] = &sync.Pool{New: func() any {
		w, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
		if err != nil {
			panic(err) // the level is a constant
		}
		return w
	}}
	c.idle["zstd"] = &sync.Pool{New: func() any {
		w, err := zstd.NewWriter(io.Discard, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(limits.CompressWindow), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic(err) // the options are constants
		}
		return w
	}}
	return c
}

// take returns a compressor that writes to w, nil if none is left.
func (c *compressors) take(coding string, w io.Writer) encoder {
	select {
	case c.left <- struct{}{}:
	default:
		return nil
	}
	e := c.idle[coding].Get().(encoder) //nolint:forcetypeassert // what New makes
	e.Reset(w)
	return e
}

func (c *compressors) release(coding string, e encoder) {
	e.Reset(io.Discard) // it must not keep the connection
	c.idle[coding].Put(e)
	<-c.left
}

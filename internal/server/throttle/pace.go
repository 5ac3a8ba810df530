package throttle

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// Pace is how slow a caller may be. Time in which the server does not read or write does not count.
type Pace struct {
	Stall          time.Duration // for the next bytes of a body
	Grace          time.Duration // for a whole body, and on top of it
	BytesPerSecond int64         // this much for the time
	AnswerStall    time.Duration // for taking the next piece of an answer
}

// paced is a request's connection with deadlines that move while bytes do. Those that a handler sets hold too. A ResponseWriter that has no
// connection has no deadlines, which is why their errors are not looked at.
type paced struct {
	http.ResponseWriter
	body    io.ReadCloser
	control *http.ResponseController
	pace    Pace
	slow    func()

	mu      sync.Mutex // guards what follows
	ended   bool       // the body is read, and the connection is being watched for the caller's going away: no deadline may end that
	failed  bool       // reading ended in another way
	limit   time.Time  // of reading, as the handler wants it; zero: none
	writes  bool       // the handler sets the deadlines of writing
	got     int64
	reading time.Duration
}

// Paced serves r so that a caller that sends or reads too slowly loses its connection.
func (g *Guard) Paced(next http.Handler, w http.ResponseWriter, r *http.Request) {
	p := &paced{ResponseWriter: w, body: r.Body, control: http.NewResponseController(w), pace: g.cfg.Pace,
		slow:  func() { g.hits[SlowBodies].Add(1) },
		ended: r.Body == nil || r.Body == http.NoBody}
	if !p.ended {
		r.Body = p.reader()
		_ = p.control.SetReadDeadline(time.Now().Add(p.pace.Stall)) // of who answers without reading: net/http reads what is left
	}
	_ = p.control.SetWriteDeadline(time.Time{}) // of the request before on this connection
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case p.failed:
			_ = p.control.SetReadDeadline(time.Unix(1, 0)) // net/http would wait for the rest
		case !p.ended:
			_ = p.control.SetReadDeadline(time.Now().Add(p.pace.Stall))
		}
		_ = p.control.SetWriteDeadline(time.Now().Add(p.pace.AnswerStall)) // what is still in buffers
	}()
	next.ServeHTTP(p, r)
}

// Unwrap lets http.ResponseController reach Flush and Hijack of the inner writer.
func (p *paced) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// SetReadDeadline keeps what a handler wants for its body.
func (p *paced) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = t
	return nil
}

// SetWriteDeadline is the handler's until it takes it away.
func (p *paced) SetWriteDeadline(t time.Time) error {
	p.mu.Lock()
	p.writes = !t.IsZero()
	p.mu.Unlock()
	return p.control.SetWriteDeadline(t)
}

// pieceBytes is what a reader takes within one AnswerStall: with limits.AnswerStall half a KiB a second.
const pieceBytes = 64 << 10

func (p *paced) Write(b []byte) (n int, err error) {
	for {
		piece := b[:min(len(b), pieceBytes)]
		p.mu.Lock()
		ours := !p.writes
		p.mu.Unlock()
		if ours {
			_ = p.control.SetWriteDeadline(time.Now().Add(p.pace.AnswerStall))
		}
		wrote, err := p.ResponseWriter.Write(piece)
		n += wrote
		if b = b[len(piece):]; err != nil || len(b) == 0 {
			return n, err
		}
	}
}

type pacedBody struct{ *paced }

func (p *paced) reader() io.ReadCloser { return pacedBody{p} }

func (b pacedBody) Close() error { return b.body.Close() }

func (b pacedBody) Read(buffer []byte) (int, error) {
	p := b.paced
	begun := time.Now()
	p.mu.Lock()
	allowed := p.pace.Grace + time.Duration(float64(p.got)/float64(p.pace.BytesPerSecond)*float64(time.Second)) - p.reading
	until := begun.Add(min(p.pace.Stall, allowed))
	if !p.limit.IsZero() && p.limit.Before(until) {
		until = p.limit
	}
	if !p.ended {
		_ = p.control.SetReadDeadline(until)
	}
	p.mu.Unlock()

	n, err := p.body.Read(buffer)

	p.mu.Lock()
	defer p.mu.Unlock()
	p.got += int64(n)
	p.reading += time.Since(begun)
	switch {
	case err == io.EOF: //nolint:errorlint // net/http returns it bare
		p.ended = true
		_ = p.control.SetReadDeadline(time.Time{})
	case err != nil:
		p.failed = true
		if errors.Is(err, os.ErrDeadlineExceeded) {
			p.slow()
		}
	}
	return n, err
}

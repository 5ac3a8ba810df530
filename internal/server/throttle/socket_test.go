package throttle

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/server/request"
)

// serve serves handle behind a guard on loopback.
func serve(t *testing.T, change func(*Config), handle http.HandlerFunc) (*Guard, *Listener) {
	t.Helper()
	cfg := Defaults()
	cfg.Pace = Pace{Stall: time.Hour, Grace: time.Hour, BytesPerSecond: 1, AnswerStall: time.Hour}
	change(&cfg)
	g := New(cfg)
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := g.Listen(raw, nil)
	server := &http.Server{
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.Paced(handle, w, r) }),
		ConnState: l.State, ReadHeaderTimeout: time.Hour, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return g, l
}

// dial connects from an address of loopback.
func dial(t *testing.T, from, to string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(t.Context(), "tcp", to)
	if err != nil && from != "127.0.0.1" {
		t.Skipf("this system has no second loopback address: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

const halfABody = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"

// answerOf reads one answer; nil when the connection was closed without one.
func answerOf(t *testing.T, c net.Conn) *http.Response {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return nil
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res
}

func say(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// Each of these would hold a connection for ever.
func TestHalfABodyLosesItsConnection(t *testing.T) {
	t.Parallel()
	reads := func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.WriteHeader(http.StatusRequestTimeout)
	}
	for _, tc := range []struct {
		name   string
		pace   func(*Pace)
		handle http.HandlerFunc
		counts int64
	}{
		{"nothing more comes", func(p *Pace) { p.Stall = 20 * time.Millisecond }, reads, 1},
		{"it comes more slowly than is allowed", func(p *Pace) { p.Grace = 20 * time.Millisecond }, reads, 1},
		{"the handler does not read it", func(p *Pace) { p.Stall = 20 * time.Millisecond },
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, 0},
		{"the handler's own limit is shorter", func(*Pace) {}, func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			reads(w, r)
		}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ended := make(chan struct{})
			g, l := serve(t, func(c *Config) { tc.pace(&c.Pace) }, func(w http.ResponseWriter, r *http.Request) {
				tc.handle(w, r)
				close(ended)
			})
			c := dial(t, "127.0.0.1", l.Addr().String())
			say(t, c, halfABody)
			<-ended
			if _, err := io.Copy(io.Discard, c); err != nil && !errors.Is(err, net.ErrClosed) { // until the server closes
				t.Log(err)
			}
			if got := g.Hits(SlowBodies); got != tc.counts {
				t.Errorf("%d slow bodies, want %d", got, tc.counts)
			}
		})
	}
}

func TestAnAnswerThatNobodyTakesEnds(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	_, l := serve(t, func(c *Config) { c.Pace.AnswerStall = 20 * time.Millisecond }, func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for piece := make([]byte, 1<<20); err == nil; {
			_, err = w.Write(piece)
		}
		ended <- err
	})
	c := dial(t, "127.0.0.1", l.Addr().String())
	say(t, c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-ended
}

// TestDeadlinesMoveWhileBytesDo: a slow line is no crime.
func TestDeadlinesMoveWhileBytesDo(t *testing.T) {
	t.Parallel()
	cfg := Defaults()
	cfg.Pace = Pace{Stall: time.Hour, Grace: time.Minute, BytesPerSecond: 10, AnswerStall: time.Hour}
	w := &deadlines{header: http.Header{}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", io.NopCloser(&slowly{left: 1_000}))
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	New(cfg).Paced(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if n, err := io.Copy(io.Discard, r.Body); n != 1_000 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
	}), w, r)
	if n := len(w.read); n != 13 || !w.read[n-1].IsZero() { // before the handler, before each of 11 reads, and none at the end
		t.Fatalf("%d deadlines after %s: %v", n, begun, w.read)
	}
	for i := 2; i < len(w.read)-1; i++ { // each 100 bytes give ten seconds more
		if gain := w.read[i].Sub(w.read[i-1]); gain < 9*time.Second || gain > 11*time.Second {
			t.Errorf("deadline %d is %s after the one before", i, gain)
		}
	}
}

// slowly gives 100 bytes at a time.
type slowly struct{ left int }

func (s *slowly) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n := min(100, s.left, len(p))
	s.left -= n
	return n, nil
}

// deadlines remembers those of reading.
type deadlines struct {
	header http.Header
	read   []time.Time
}

func (d *deadlines) Header() http.Header               { return d.header }
func (d *deadlines) WriteHeader(int)                   {}
func (d *deadlines) Write(p []byte) (int, error)       { return len(p), nil }
func (d *deadlines) SetWriteDeadline(time.Time) error  { return nil }
func (d *deadlines) SetReadDeadline(t time.Time) error { d.read = append(d.read, t); return nil }

// TestNoDeadlineIsLeftOnceABodyIsRead: it would end the request, as if the caller had gone, while the server works.
func TestNoDeadlineIsLeftOnceABodyIsRead(t *testing.T) {
	t.Parallel()
	for _, body := range []io.Reader{bytes.NewReader([]byte("all of it")), nil} {
		w := &deadlines{header: http.Header{}}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", body)
		if err != nil {
			t.Fatal(err)
		}
		New(Defaults()).Paced(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			_ = control.SetReadDeadline(time.Now().Add(time.Hour))
			if r.Body != nil {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			_ = control.SetReadDeadline(time.Now().Add(time.Hour))
		}), w, r)
		if n := len(w.read); n > 0 && !w.read[n-1].IsZero() {
			t.Errorf("a deadline is left: %v", w.read)
		}
	}
}

func TestConnectionsAreBoundedByAddressAndInTotal(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{}, 10)
	g, l := serve(t, func(c *Config) { c.Connections, c.ConnectionsOfAddress = 3, 2 }, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			entered <- struct{}{}
			_, _ = io.Copy(io.Discard, r.Body)
		}
	})
	address := l.Addr().String()
	until := func(seen func() bool) { // the server notes what its connections do after the caller has its answer
		for {
			l.mu.Lock()
			ok := seen()
			l.mu.Unlock()
			if ok {
				return
			}
			runtime.Gosched()
		}
	}
	hold := func(from string) net.Conn {
		c := dial(t, from, address)
		say(t, c, halfABody)
		<-entered
		return c
	}
	refused := func(from string) {
		t.Helper()
		if res := answerOf(t, dial(t, from, address)); res == nil || res.StatusCode != http.StatusServiceUnavailable ||
			res.Header.Get("Retry-After") == "" {
			t.Errorf("from %s: %v", from, res)
		}
	}
	get := func(c net.Conn) *http.Response {
		say(t, c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		return answerOf(t, c)
	}
	first := hold("127.0.0.1")
	hold("127.0.0.1")
	refused("127.0.0.1")
	idle := dial(t, "127.0.0.2", address)
	if res := get(idle); res == nil || res.StatusCode != http.StatusOK {
		t.Errorf("a neighbour is locked out: %v", res)
	}
	until(func() bool { return l.idle.Len() == 1 })
	// All three are in use; the idle one makes room.
	if res := get(dial(t, "127.0.0.3", address)); res == nil || res.StatusCode != http.StatusOK {
		t.Errorf("an idle connection made no room: %v", res)
	}
	until(func() bool { return l.idle.Len() == 1 })
	if n, err := idle.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("the idle connection is still open")
	}
	hold("127.0.0.4") // the one of .3 was idle
	refused("127.0.0.5")
	if got := g.Hits(Connections); got != 4 {
		t.Errorf("%d hits, want 4", got)
	}
	_ = first.Close()
	until(func() bool { return l.of["127.0.0.1"] == 1 })
	if res := get(dial(t, "127.0.0.1", address)); res == nil || res.StatusCode != http.StatusOK {
		t.Errorf("a place that was given back is not free: %v", res)
	}
}

func TestATrustedProxyIsNotBoundedByAddress(t *testing.T) {
	t.Parallel()
	proxies, err := request.ParseProxies([]string{"127.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Defaults()
	cfg.Connections, cfg.ConnectionsOfAddress = 3, 1
	l := New(cfg).Listen(raw, proxies)
	defer l.Close()
	for i := range 3 {
		dial(t, "127.0.0.1", raw.Addr().String())
		c, err := l.Accept()
		if err != nil {
			t.Fatal(fmt.Errorf("connection %d: %w", i, err))
		}
		defer c.Close()
	}
	if l.open != 3 {
		t.Errorf("%d open", l.open)
	}
}

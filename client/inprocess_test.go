package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tachograph/tacho/api"
)

type actorKey struct{}

func TestInProcessStreamsAsTheHandlerWrites(t *testing.T) {
	t.Parallel()
	seen := make(chan struct{})
	c, _ := over("http://tacho.invalid", InProcess(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, status(api.JobRunning))
		_ = http.NewResponseController(w).Flush()
		<-seen // the reader has the first event while the handler goes on
		_, _ = io.WriteString(w, end)
	}), nil))
	var got []string
	err := c.Follow(t.Context(), "p", "j", func(e Event) error {
		if got = append(got, e.Kind); len(got) == 1 {
			close(seen)
		}
		return nil
	})
	if err != nil || strings.Join(got, " ") != "status end" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestInProcessDecoratesAndKeepsStatusAndHeader(t *testing.T) {
	t.Parallel()
	transport := InProcess(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Actor", r.Context().Value(actorKey{}).(string))
		w.Header().Set("X-Path", r.URL.EscapedPath()+" "+r.RequestURI+" "+r.Host)
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-Late", "no")
	}), func(r *http.Request) *http.Request {
		return r.WithContext(context.WithValue(r.Context(), actorKey{}, "local"))
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://tacho.invalid/a%2Fb?q=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	rest, err := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusTeapot || res.Header.Get("X-Actor") != "local" || res.Header.Get("X-Late") != "" || len(rest) != 0 ||
		err != nil {
		t.Errorf("answer %v %v %q %v", res.Status, res.Header, rest, err)
	}
	if got, want := res.Header.Get("X-Path"), "/a%2Fb /a%2Fb?q=1 tacho.invalid"; got != want {
		t.Errorf("path %q, want %q", got, want)
	}
}

func TestInProcessClosingTheBodyEndsTheHandler(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	transport := InProcess(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		_, err := io.WriteString(w, "late")
		ended <- err
	}), nil)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x/", nil)
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if err := <-ended; err == nil {
		t.Error("writing to a closed answer succeeded")
	}
}

func TestInProcessAnEndedContextEndsTheReader(t *testing.T) {
	t.Parallel()
	because := errors.New("enough")
	for name, handler := range map[string]http.HandlerFunc{
		"before the answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"inside the answer": func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush(); <-r.Context().Done() },
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		asked := make(chan struct{})
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://x/", nil)
		go func() { <-asked; cancel(because) }()
		res, err := InProcess(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { close(asked); handler(w, r) }), nil).RoundTrip(req)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			res.Body.Close()
		}
		if !errors.Is(err, because) {
			t.Errorf("%s: %v, want the cause", name, err)
		}
	}
}

func TestInProcessAPanicIsAnErrorOfThisRequest(t *testing.T) {
	t.Parallel()
	for _, begun := range []bool{false, true} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x/", nil)
		res, err := InProcess(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if begun {
				_, _ = io.WriteString(w, "half")
			}
			panic("oh")
		}), nil).RoundTrip(req)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			res.Body.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "panicked: oh") {
			t.Errorf("begun %v: %v", begun, err)
		}
	}
}

func TestFollowLeavesASilentConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		connections := 0
		c := New(Config{Base: "http://x", Transport: InProcess(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if connections++; connections == 1 {
				_, _ = io.WriteString(w, logLine(1, 1, "a"))
				<-r.Context().Done() // a peer that vanished
				return
			}
			_, _ = io.WriteString(w, end)
		}), nil)})
		began := time.Now()
		if err := c.Follow(t.Context(), "p", "j", func(Event) error { return nil }); err != nil || connections != 2 {
			t.Errorf("%d connections, %v", connections, err)
		}
		if took := time.Since(began); took < time.Minute || took > 2*time.Minute {
			t.Errorf("left after %v", took)
		}
	})
}

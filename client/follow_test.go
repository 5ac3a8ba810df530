package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

func status(s api.JobStatus) string {
	return fmt.Sprintf("event: status\ndata: {\"status\":%q}\n\n", s)
}

func logLine(epoch, seq int, text string) string {
	return fmt.Sprintf("id: %d.%d\nevent: log\ndata: {\"epoch\":%d,\"seq\":%d,\"text\":%q}\n\n", epoch, seq, epoch, seq, text)
}

const end = "event: end\ndata: {\"status\":\"processed\"}\n\n"

// followed follows a job whose connections are as told, and returns what came and which Last-Event-ID each connection began with.
func followed(t *testing.T, connections ...string) (got, ids []string, err error) {
	t.Helper()
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		ids = append(ids, r.Header.Get("Last-Event-ID"))
		if len(ids) > len(connections) {
			answer(w, http.StatusNotFound, api.Error{Message: "job is not there"})
			return
		}
		_, _ = io.WriteString(w, connections[len(ids)-1])
	})
	err = c.Follow(t.Context(), "p", "j", func(e Event) error {
		if e.Log != nil {
			got = append(got, e.Log.Text)
		} else {
			got = append(got, e.Kind+" "+string(e.Job.Status))
		}
		return nil
	})
	return got, ids, err
}

func TestFollowGoesOnBehindTheLastLineAfterALostConnection(t *testing.T) {
	t.Parallel()
	got, ids, err := followed(t,
		status(api.JobRunning)+logLine(1, 1, "a")+logLine(1, 2, "b")+"id: 1.3\nevent: log\ndata: {\"epo", // cut inside an event
		": keep-alive\n\n",
		logLine(1, 2, "b")+logLine(1, 3, "c")+"event: news\ndata: later\n\n"+logLine(2, 1, "again")+end+"never read",
	)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"status running", "a", "b", "c", "again", "end processed"}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"", "1.2", "1.2"}, ids); diff != "" {
		t.Errorf("Last-Event-ID (-want +got):\n%s", diff)
	}
}

func TestFollowEndsWithTheServersRefusal(t *testing.T) {
	t.Parallel()
	got, ids, err := followed(t, status(api.JobPending))
	if fault.Of(err) != fault.Missing || len(got) != 1 || len(ids) != 2 {
		t.Errorf("got %v after %d connections, %v", got, len(ids), err)
	}
}

func TestFollowEndsWhenItsRightsAreTakenAway(t *testing.T) {
	t.Parallel()
	for code, kind := range map[string]fault.Kind{"unauthorized": fault.Unauthorized, "not_found": fault.Missing,
		"forbidden": fault.Forbidden} {
		got, ids, err := followed(t, status(api.JobRunning)+"event: refused\ndata: {\"error_code\":\""+code+
			"\",\"message\":\"key … was revoked\"}\n\n"+logLine(1, 1, "late"))
		if fault.Of(err) != kind || err.Error() != "key … was revoked" || len(got) != 1 || len(ids) != 1 {
			t.Errorf("%s: got %v after %d connections, %v", code, got, len(ids), err)
		}
	}
}

func TestFollowGivesUpAServerThatStaysAway(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	c, _ := serve(t, func(http.ResponseWriter, *http.Request) { tries.Add(1); panic(http.ErrAbortHandler) })
	err := c.Follow(t.Context(), "p", "j", func(Event) error { return nil })
	if _, lost := errors.AsType[*NetworkError](err); !lost || tries.Load() != limits.FollowTries {
		t.Errorf("after %d tries: %v", tries.Load(), err)
	}
}

func TestFollowReturnsTheHandlersError(t *testing.T) {
	t.Parallel()
	enough := errors.New("enough")
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, status(api.JobRunning)) })
	if err := c.Follow(t.Context(), "p", "j", func(Event) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("err = %v", err)
	}
}

func TestFollowRefusesEventsThatAreNotOurs(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{"event: status\ndata: {\n\n", "event: log\ndata: []\n\n"} {
		if _, ids, err := followed(t, stream); fault.Of(err) != fault.Unavailable || len(ids) != 1 {
			t.Errorf("%q: %v after %d connections", stream, err, len(ids))
		}
	}
}

func TestEventsAreReadAsTheStandardSays(t *testing.T) {
	t.Parallel()
	r := newEventReader(strings.NewReader(": comment\r\nevent: a\r\ndata: one\r\ndata:two\r\n\r\n" + "event: lost\n\n" + "id\ndata\n\n" +
		"id: 7\nretry: 10\ndata: x: y\n\n" + "data: cut"))
	for _, want := range []event{{name: "a", data: []byte("one\ntwo")}, {data: nil}, {id: "7", data: []byte("x: y")}} {
		got, err := r.next()
		if err != nil || got.id != want.id || got.name != want.name || !bytes.Equal(got.data, want.data) {
			t.Errorf("got %q %q %q %v, want %q %q %q", got.id, got.name, got.data, err, want.id, want.name, want.data)
		}
	}
	if _, err := r.next(); !errors.Is(err, io.EOF) {
		t.Errorf("a cut event: %v", err)
	}
}

// endless writes one line that does not end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestAnEventWithoutEndIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := newEventReader(io.MultiReader(strings.NewReader("data: "), endless{})).next(); fault.Of(err) != fault.TooLarge {
		t.Errorf("err = %v", err)
	}
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte(status(api.JobRunning) + logLine(1, 2, "x\ny") + end))
	f.Add([]byte(":\r\n\r\ndata\n\n\nid:\x00\ndata:\n\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := newEventReader(bytes.NewReader(stream))
		for read := 0; ; {
			e, err := r.next()
			if err != nil {
				return
			}
			read += len(e.id) + len(e.name) + len(e.data)
			if read > len(stream) {
				t.Fatalf("%d bytes of events in %d bytes", read, len(stream))
			}
		}
	})
}

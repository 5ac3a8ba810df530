//go:build linux

package isolatetest

import (
	"io"
	"strings"

	"github.com/tachograph/tacho/internal/runner/isolate"
)

// saidBytes is more than a pipe and every buffer on the way hold.
const saidBytes = 3 << 20

func streamsAreApartAndComplete(t *bench) {
	got := t.run(t.task("say"), nil)
	for name, stream := range map[string]string{"out": got.stdout, "err": got.stderr} {
		word, rest, _ := strings.Cut(stream, "\n")
		if len(stream) != saidBytes || strings.Count(stream, name) != 2 || word != name+" begins" || !strings.HasSuffix(rest, name+" ends\n") {
			t.Errorf("std%s has %d bytes, want %d; it begins with %.20q and ends with %.20q", name, len(stream), saidBytes, stream, stream[max(0, len(stream)-20):])
		}
	}
	if got.exit.Code != 7 {
		t.Errorf("it ended %+v", got.exit)
	}
}

func aWriterThatFailsEndsNothing(t *bench) {
	s := t.prepare(t.task("say"))
	deaf, errs := &closedPipe{}, newOutput()
	if err := s.Start(t.Context(), deaf, errs); err != nil {
		t.Fatal(err)
	}
	exit, err := s.Wait()
	if err != nil || exit.Code != 7 {
		t.Errorf("it ended %+v, %v", exit, err)
	}
	if deaf.asked != 1 {
		t.Errorf("the writer that failed was written to %d times, want 1", deaf.asked)
	}
	if got := len(errs.String()); got != saidBytes {
		t.Errorf("the other stream has %d bytes, want %d", got, saidBytes)
	}
}

// start starts a task whose output nobody needs.
func (t *bench) start(tk isolate.Task) isolate.Sandbox {
	t.Helper()
	s := t.prepare(tk)
	out := newOutput()
	if err := s.Start(t.Context(), out, io.Discard); err != nil {
		t.Fatal(err)
	}
	out.await(t)
	return s
}

package runner

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/property"
)

// handClock collects timers; fire runs them.
type handClock struct{ due []func() }

func (c *handClock) after(_ time.Duration, f func()) func() bool {
	c.due = append(c.due, f)
	return func() bool { return false }
}

func (c *handClock) fire() {
	due := c.due
	c.due = nil
	for _, f := range due {
		f()
	}
}

func TestLiveLogBatchesByTime(t *testing.T) {
	t.Parallel()
	var clk handClock
	var got []string
	l := newLiveLog(func(m api.Message) { got = append(got, string(m.Stream)+" "+m.Text) }, clk.after)
	l.begin(1)
	l.stream(api.ArtifactStdout).Write([]byte("a"))
	l.stream(api.ArtifactStderr).Write([]byte("b"))
	l.stream(api.ArtifactStdout).Write([]byte("c"))
	if len(got) != 0 || len(clk.due) != 1 {
		t.Errorf("sent before the time: %q, %d timers", got, len(clk.due))
	}
	clk.fire()
	if diff := cmp.Diff([]string{"stdout ac", "stderr b"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestLiveLogSendsFullChunksAtOnce(t *testing.T) {
	t.Parallel()
	var clk handClock
	var sizes []int
	l := newLiveLog(func(m api.Message) { sizes = append(sizes, len(m.Text)) }, clk.after)
	l.stream(api.ArtifactStdout).Write([]byte(strings.Repeat("x", 2*limits.LogChunkBytes+5)))
	l.end()
	if diff := cmp.Diff([]int{limits.LogChunkBytes, limits.LogChunkBytes, 5}, sizes); diff != "" {
		t.Error(diff)
	}
}

func TestLiveLogNamesTheIteration(t *testing.T) {
	t.Parallel()
	var clk handClock
	var got []int
	l := newLiveLog(func(m api.Message) { got = append(got, m.Iteration) }, clk.after)
	for i := 1; i <= 2; i++ {
		l.begin(i)
		l.stream(api.ArtifactStdout).Write([]byte("x"))
	}
	l.end()
	if diff := cmp.Diff([]int{1, 2}, got); diff != "" {
		t.Error(diff)
	}
}

func TestLiveLogNeverCutsACharacter(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		var clk handClock
		var got strings.Builder
		l := newLiveLog(func(m api.Message) { got.WriteString(m.Text) }, clk.after)
		text := rapid.String().Draw(t, "text")
		for rest := []byte(text); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			l.stream(api.ArtifactStdout).Write(rest[:n])
			rest = rest[n:]
			if rapid.Bool().Draw(t, "fire") {
				clk.fire()
			}
		}
		l.end()
		if want := strings.ToValidUTF8(text, "\uFFFD"); got.String() != want {
			t.Fatalf("want %q, got %q", want, got.String())
		}
	})
}

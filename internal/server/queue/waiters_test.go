package queue

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/property"
)

func TestAWakeUpIsNeverLost(t *testing.T) {
	t.Parallel()
	specs := []string{"a", "b", "c"}
	property.Check(t, func(t *rapid.T) {
		var ws waiters
		var in []*waiter
		wakes := map[string]int{} // wake-ups that were given out and that nobody has answered with a look
		tokens := func() map[string]int {
			n := map[string]int{}
			for _, w := range in {
				if len(w.wake) == 1 {
					spec := <-w.wake
					w.wake <- spec
					n[spec]++
				}
			}
			return n
		}
		free := func(spec string) bool {
			return slices.ContainsFunc(in, func(w *waiter) bool { return len(w.wake) == 0 && slices.Contains(w.specs, spec) })
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			spec := rapid.SampledFrom(specs).Draw(t, "spec")
			switch rapid.SampledFrom([]string{"join", "wake", "look", "leave"}).Draw(t, "step") {
			case "join":
				w, ok := ws.join("r", rapid.SliceOfDistinct(rapid.SampledFrom(specs), rapid.ID).Draw(t, "offers"))
				if !ok {
					t.Fatal("closed")
				}
				in = append(in, w)
			case "wake":
				if free(spec) {
					wakes[spec]++
				}
				ws.wake(spec)
			case "look": // it takes the token and looks: the wake-up is answered
				i := slices.IndexFunc(in, func(w *waiter) bool { return len(w.wake) == 1 })
				if i >= 0 {
					wakes[<-in[i].wake]--
				}
			case "leave": // with a token unseen, or one in hand that led to nothing
				if len(in) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(in)-1).Draw(t, "who")
				w := in[i]
				in = slices.Delete(in, i, i+1)
				owed := ""
				if len(w.wake) == 1 && rapid.Bool().Draw(t, "in hand") {
					owed = <-w.wake
				}
				for _, spec := range []string{owed, peek(w)} {
					if spec != "" && !free(spec) {
						wakes[spec]-- // nobody is there who could look: whoever comes looks first
					}
				}
				ws.leave(w, owed)
			}
			got := tokens()
			for _, spec := range specs {
				if got[spec] != wakes[spec] {
					t.Fatalf("%d wake-ups for %s are on their way, want %d", got[spec], spec, wakes[spec])
				}
			}
			if ws.len() != len(in) {
				t.Fatalf("%d wait, want %d", ws.len(), len(in))
			}
		}
	})
}

func peek(w *waiter) string {
	if len(w.wake) == 0 {
		return ""
	}
	spec := <-w.wake
	w.wake <- spec
	return spec
}

func TestWakeUpsGoToWhoWaitedLongestAndOffersTheSpec(t *testing.T) {
	t.Parallel()
	var ws waiters
	other, _ := ws.join("other", []string{"b"})
	first, _ := ws.join("first", []string{"a", "b"})
	second, _ := ws.join("second", []string{"a"})
	ws.wake("a")
	ws.wake("a")
	ws.wake("a") // nobody is left for it
	if len(other.wake) != 0 || peek(first) != "a" || peek(second) != "a" {
		t.Errorf("tokens: %d, %q, %q", len(other.wake), peek(first), peek(second))
	}
	ws.leave(first, "")
	if len(other.wake) != 0 {
		t.Error("a wake-up for a went to a runner that has only b")
	}
	if !ws.has("second") || ws.has("first") {
		t.Error("who waits is not known")
	}
}

func TestFollowersHearThatSomethingChanged(t *testing.T) {
	t.Parallel()
	var st streams
	changed, unsubscribe := st.subscribe("j")
	elsewhere, _ := st.subscribe("k")
	st.publish("j")
	st.publish("j") // it has not looked since: one token is enough
	<-changed
	if len(changed) != 0 || len(elsewhere) != 0 {
		t.Error("too many tokens")
	}
	unsubscribe()
	unsubscribe()
	if len(st.byJob["j"]) != 0 {
		t.Error("it is still told")
	}
	st.close()
	st.publish("k")
	if _, open := <-elsewhere; open {
		t.Error("open after the shutdown")
	}
	late, stop := st.subscribe("j")
	defer stop()
	if _, open := <-late; open {
		t.Error("who comes late waits for ever")
	}
}

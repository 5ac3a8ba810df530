package job

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/property"
)

func TestAWakeUpIsNeverLost(t *testing.T) {
	t.Parallel()
	at := func(spec, slot string) Stand { return Stand{SpecID: spec, SlotID: slot} }
	stands := []Stand{at("a", ""), at("a", "1"), at("b", "")}
	property.Check(t, func(t *rapid.T) {
		var ws waiters
		var in []*waiter
		wakes := map[Stand]int{} // wake-ups that were given out and that nobody has answered with a look
		tokens := func() map[Stand]int {
			n := map[Stand]int{}
			for _, w := range in {
				if len(w.wake) == 1 {
					stand := <-w.wake
					w.wake <- stand
					n[stand]++
				}
			}
			return n
		}
		free := func(stand Stand) bool {
			return slices.ContainsFunc(in, func(w *waiter) bool { return len(w.wake) == 0 && slices.Contains(w.stands, stand) })
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			stand := rapid.SampledFrom(stands).Draw(t, "stand")
			switch rapid.SampledFrom([]string{"join", "wake", "look", "leave"}).Draw(t, "step") {
			case "join":
				w, ok := ws.join("r", rapid.SliceOfDistinct(rapid.SampledFrom(stands), rapid.ID[Stand]).Draw(t, "offers"))
				if !ok {
					t.Fatal("closed")
				}
				in = append(in, w)
			case "wake":
				if free(stand) {
					wakes[stand]++
				}
				ws.wake(stand)
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
				var owed Stand
				if len(w.wake) == 1 && rapid.Bool().Draw(t, "in hand") {
					owed = <-w.wake
				}
				for _, stand := range []Stand{owed, peek(w)} {
					if stand != (Stand{}) && !free(stand) {
						wakes[stand]-- // nobody is there who could look: whoever comes looks first
					}
				}
				ws.leave(w, owed)
			}
			got := tokens()
			for _, stand := range stands {
				if got[stand] != wakes[stand] {
					t.Fatalf("%d wake-ups for %v are on their way, want %d", got[stand], stand, wakes[stand])
				}
			}
			if ws.len() != len(in) {
				t.Fatalf("%d wait, want %d", ws.len(), len(in))
			}
		}
	})
}

func peek(w *waiter) Stand {
	if len(w.wake) == 0 {
		return Stand{}
	}
	stand := <-w.wake
	w.wake <- stand
	return stand
}

func TestWakeUpsGoToWhoWaitedLongestAndOffersTheSpec(t *testing.T) {
	t.Parallel()
	var ws waiters
	a, b, inSlot := Stand{SpecID: "a"}, Stand{SpecID: "b"}, Stand{SpecID: "a", SlotID: "1"}
	sweep, _ := ws.join("of a sweep", []Stand{inSlot})
	other, _ := ws.join("other", []Stand{b})
	first, _ := ws.join("first", []Stand{a, b})
	second, _ := ws.join("second", []Stand{a})
	ws.wake(a)
	ws.wake(a)
	ws.wake(a) // nobody is left for it
	if len(other.wake) != 0 || peek(first) != a || peek(second) != a {
		t.Errorf("tokens: %d, %v, %v", len(other.wake), peek(first), peek(second))
	}
	if ws.wake(inSlot); len(sweep.wake) != 1 || peek(sweep) != inSlot {
		t.Error("the runner of the slot was not woken for a job of it, or was for one that is not")
	}
	ws.leave(first, Stand{})
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

package sweep

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/property"
)

var noon = time.Date(2026, 7, 22, 12, 0, 0, 0, time.UTC)

// c8g is a price of us-east-1.
var c8g = Price{PerHour: 39_880, Known: true, Source: "cloudspecs", Date: "2026-07-22", MinBilled: time.Minute}

func TestWhatAMachineCanCost(t *testing.T) {
	t.Parallel()
	o := Outlay{State: MachineCreating, Price: c8g, Slack: 2 * time.Minute, Asked: noon, Expires: noon.Add(3 * time.Hour)}
	if got, want := o.Worst(), Micros(120_970); got != want { // 39,880 × 10,920 s / 3,600 = 120,969.3
		t.Errorf("worst: want %d, got %d", want, got)
	}
	gone := o
	gone.State, gone.Launched, gone.Ended = MachineGone, noon.Add(8*time.Second), noon.Add(time.Hour+8*time.Second)
	if got := gone.Owed(); got != 39_880 {
		t.Errorf("an hour: want 39880, got %d", got)
	}
	gone.Ended = gone.Launched.Add(1500 * time.Millisecond)
	if got := gone.Owed(); got != 665 { // the minimum of a minute: 664.7
		t.Errorf("a second and a half: want 665, got %d", got)
	}
	gone.Ended = noon.Add(9 * time.Hour)
	if got := gone.Owed(); got != o.Worst() {
		t.Errorf("seen late: want %d, got %d", o.Worst(), got)
	}
	gone.Launched = time.Time{}
	if got := gone.Owed(); got != 0 {
		t.Errorf("never made: want 0, got %d", got)
	}
}

func TestWhatMayExistCountsInFull(t *testing.T) {
	t.Parallel()
	for _, s := range MachineStates {
		o := Outlay{State: s, Price: c8g, Asked: noon, Expires: noon.Add(time.Hour)}
		want := Micros(0)
		if s.MayRun() {
			want = 39_880
		}
		if got := o.Owed(); got != want {
			t.Errorf("%s: want %d, got %d", s, want, got)
		}
	}
}

func TestNoMachineBeyondTheBudget(t *testing.T) {
	t.Parallel()
	hour := Outlay{State: MachineUnsure, Price: c8g, Asked: noon, Expires: noon.Add(time.Hour)}
	if err := Afford(2*39_880, []Outlay{hour}, hour); err != nil {
		t.Errorf("exactly the budget: %v", err)
	}
	err := Afford(2*39_880-1, []Outlay{hour}, hour)
	if short, ok := errors.AsType[*ShortError](err); !ok || short.Committed != 39_880 || short.Worst != 39_880 ||
		!strings.Contains(err.Error(), "$0.03988") {
		t.Errorf("a micro-dollar short: %v", err)
	}
	unpriced := hour
	unpriced.Price = Price{}
	if err := Afford(math.MaxInt64, nil, unpriced); err == nil {
		t.Error("a machine without a price was allowed")
	}
	free := hour
	free.Price = Free()
	if err := Afford(0, []Outlay{free}, free); err != nil {
		t.Errorf("free machines without a budget: %v", err)
	}
}

// Against big integers: no price, time or number of machines makes the sum wrap around.
func TestSumsNeverWrapAround(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		var outlays []Outlay
		exact := new(big.Int)
		for range rapid.IntRange(0, 20).Draw(t, "machines") {
			o := Outlay{State: MachineUp, Asked: noon, Slack: time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "slack")),
				Price: Price{PerHour: Micros(rapid.Int64Range(0, math.MaxInt64).Draw(t, "price")), Known: true}}
			o.Expires = noon.Add(time.Duration(rapid.Int64Range(0, 1<<61).Draw(t, "life")))
			outlays = append(outlays, o)
			seconds := big.NewInt(int64((o.Expires.Add(o.Slack).Sub(noon) + time.Second - 1) / time.Second))
			cost := new(big.Int).Mul(big.NewInt(int64(o.Price.PerHour)), seconds)
			exact.Add(exact, cost.Div(cost.Add(cost, big.NewInt(3599)), big.NewInt(3600)))
		}
		want := int64(math.MaxInt64)
		if exact.IsInt64() {
			want = exact.Int64()
		}
		if got := Committed(outlays); int64(got) != want {
			t.Fatalf("want %s, at most %d; got %d", exact, want, got)
		}
	})
}

// Machines that were allowed one after the other, whatever becomes of them, never cost more than the budget, and what is committed only
// falls between creates.
func TestWhatWasAllowedStaysWithinTheBudget(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		budget := Micros(rapid.Int64Range(0, 500_000).Draw(t, "budget"))
		var outlays []Outlay
		now, billed := noon, Micros(0)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(20*time.Minute)).Draw(t, "pass")))
			next := Outlay{State: MachineCreating, Price: c8g, Slack: time.Minute, Asked: now, Expires: now.Add(time.Hour)}
			next.Price.PerHour = Micros(rapid.Int64Range(1, 200_000).Draw(t, "price"))
			if Afford(budget, outlays, next) == nil {
				outlays = append(outlays, next)
			}
			if len(outlays) == 0 {
				continue
			}
			o := &outlays[rapid.IntRange(0, len(outlays)-1).Draw(t, "which")]
			before := Committed(outlays)
			if o.State.MayRun() { // it ends, at some moment up to its expiry and the slack
				o.State, o.Launched = MachineGone, o.Asked.Add(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "boot")))
				end := o.Launched.Add(time.Duration(rapid.Int64Range(0, int64(2*time.Hour)).Draw(t, "life")))
				if last := o.Expires.Add(o.Slack); end.After(last) {
					end = last
				}
				o.Ended = end
				billed = billed.Plus(o.Price.Cost(end.Sub(o.Launched)))
			}
			if after := Committed(outlays); after > before || after > budget {
				t.Fatalf("committed %d of %d, %d before", after, budget, before)
			}
			if billed > budget {
				t.Fatalf("billed %d of %d", billed, budget)
			}
		}
	})
}

func TestWhatIsSpentUntilNow(t *testing.T) {
	t.Parallel()
	up := Outlay{State: MachineUp, Price: c8g, Asked: noon, Launched: noon, Expires: noon.Add(3 * time.Hour)}
	asked := up
	asked.State, asked.Launched = MachineUnsure, time.Time{}
	gone := up
	gone.State, gone.Ended = MachineGone, noon.Add(30*time.Minute)
	if got := Spent([]Outlay{up, asked, gone}, noon.Add(time.Hour)); got != 39_880+19_940 {
		t.Errorf("want %d, got %d", 39_880+19_940, got)
	}
}

package sweep

import (
	"math"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/property"
)

func TestMoneyIsReadAndShown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Micros{"5": 5 * Dollar, "5.00": 5 * Dollar, "0.0399": 39_900, "0.039881": 39_881, ".5": 500_000,
		"0": 0, "0.0000001": 1, "0.0000000": 0, "999999999": 999_999_999 * Dollar} {
		if got, err := ParseMicros(text); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", ".", "-1", "+1", "1e3", "NaN", "0x1", "1,5", "$5", "9999999999", "1.2.3", "１"} {
		if got, err := ParseMicros(text); fault.Of(err) != fault.Invalid {
			t.Errorf("%q: %v, %v; it is no amount", text, got, err)
		}
	}
	for m, want := range map[Micros]string{0: "$0.00", 720_000: "$0.72", 39_880: "$0.03988", -1: "-$0.000001",
		math.MinInt64: "-$9223372036854.775808"} {
		if got := m.String(); got != want {
			t.Errorf("%d: %s, want %s", int64(m), got, want)
		}
	}
	for m, want := range map[Micros]string{1: "$0.01", 720_000: "$0.72", 720_001: "$0.73", most: "$9223372036854.77"} {
		if got := m.Cents(); got != want {
			t.Errorf("%d: %s, want %s", int64(m), got, want)
		}
	}
}

func TestWhatIsShownIsReadBack(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		m := Micros(rapid.Int64Range(0, 999_999_999_999_999).Draw(t, "m"))
		if got, err := ParseMicros(m.String()[1:]); err != nil || got != m {
			t.Fatalf("%s: %d, %v", m, got, err)
		}
	})
}

// TestAPriceNeverCostsLess holds it against exact rational numbers.
func TestAPriceNeverCostsLess(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		p := Price{PerHour: Micros(rapid.Int64Range(0, math.MaxInt64).Draw(t, "price")), Known: true,
			MinBilled: time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "least"))}
		d := time.Duration(rapid.Int64Range(math.MinInt64/2, math.MaxInt64/2).Draw(t, "time"))
		seconds := big.NewInt(int64((max(d, p.MinBilled, 0) + time.Second - 1) / time.Second))
		exact := new(big.Int).Mul(seconds, big.NewInt(int64(p.PerHour)))
		exact.Add(exact, big.NewInt(3599)).Quo(exact, big.NewInt(3600))
		want := most
		if exact.IsInt64() {
			want = Micros(exact.Int64())
		}
		if got := p.Cost(d); got != want {
			t.Fatalf("%v for %v: %d, want %d", p, d, got, want)
		}
	})
	if (Price{PerHour: 1}).Cost(0) != most {
		t.Error("a price that is not known is cheap")
	}
}

func TestSumsStayAtTheLargest(t *testing.T) {
	t.Parallel()
	if most.Plus(1) != most || most.Times(2) != most || Micros(1).Plus(2) != 3 || Micros(7).Times(6) != 42 || Dollar.Times(-1) != 0 {
		t.Error("sums or products are wrong")
	}
}

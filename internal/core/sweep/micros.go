package sweep

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
)

// Micros is money in whole micro-dollars (10⁻⁶ USD). Sums and products that would overflow stay at the largest value: too much is the
// safe side.
type Micros int64

// Dollar is one US dollar.
const Dollar Micros = 1_000_000

const most = Micros(math.MaxInt64)

// Plus is the sum of amounts that are not negative.
func (m Micros) Plus(o Micros) Micros {
	if m > most-o {
		return most
	}
	return m + o
}

// Times is m for each of n, both not negative.
func (m Micros) Times(n int) Micros {
	high, low := bits.Mul64(uint64(max(m, 0)), uint64(max(n, 0)))
	if high != 0 || low > math.MaxInt64 {
		return most
	}
	return Micros(low)
}

// String is the amount in dollars, with cents, and with more digits only where there are any: $0.72, $0.03988.
func (m Micros) String() string {
	sign, v := "", uint64(m)
	if m < 0 {
		sign, v = "-", -v
	}
	fraction := strings.TrimRight(fmt.Sprintf("%06d", v%uint64(Dollar)), "0")
	return fmt.Sprintf("%s$%d.%s", sign, v/uint64(Dollar), fraction+strings.Repeat("0", max(0, 2-len(fraction))))
}

// Cents is the amount rounded up to cents, for sums that are estimates.
func (m Micros) Cents() string {
	const cent = Dollar / 100
	if up := m % cent; up > 0 && m <= most-cent {
		m += cent - up
	}
	text := m.String()
	return text[:strings.IndexByte(text, '.')+3]
}

// ParseMicros reads dollars as a decimal number without a sign: 5, 0.0399, 5.00. Digits beyond the sixth after the point are rounded up.
// More than a billion dollars is refused, and so is anything that is not such a number: an Invalid fault.
func ParseMicros(text string) (Micros, error) {
	whole, fraction, _ := strings.Cut(text, ".")
	digits := func(s string) bool { return strings.Trim(s, "0123456789") == "" }
	if whole == "" && fraction == "" || !digits(whole) || !digits(fraction) || len(whole) > 9 || len(fraction) > 30 {
		return 0, fault.Invalidf("%.40q is not an amount in dollars; write it like 5 or 0.0399", text)
	}
	var m Micros
	for _, d := range whole {
		m = m*10 + Micros(d-'0')
	}
	for i := range 6 {
		m *= 10
		if i < len(fraction) {
			m += Micros(fraction[i] - '0')
		}
	}
	if len(fraction) > 6 && strings.Trim(fraction[6:], "0") != "" {
		m++
	}
	return m, nil
}

// Cost is what a machine is billed at most for a time that it existed: whole seconds, at least the minimum, rounded up to the next
// micro-dollar. A price that is not known costs the largest amount.
func (p Price) Cost(d time.Duration) Micros {
	if !p.Known {
		return most
	}
	seconds := uint64((max(d, p.MinBilled, 0) + time.Second - 1) / time.Second)
	high, low := bits.Mul64(uint64(max(p.PerHour, 0)), seconds)
	if high >= 3600 {
		return most
	}
	quotient, rest := bits.Div64(high, low, 3600)
	if rest > 0 {
		quotient++
	}
	if quotient > math.MaxInt64 {
		return most
	}
	return Micros(quotient)
}

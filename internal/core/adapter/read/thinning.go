package read

import (
	"fmt"

	"github.com/tachograph/tacho/internal/core/limits"
)

// Thinning keeps no more samples of a metric than limits.SamplesPerMetric, at equal distances over all of the input: each of them, or when
// they become too many every second, every fourth and so on. The first ones alone would be those of a warm-up, or the fastest of a list
// that is sorted.
type Thinning struct {
	Seen, every int32 // every is a power of two; 0 is 1
}

// Add takes the next sample, in any unit.
func (t *Thinning) Add(to *[]float64, v float64) {
	at := t.Seen
	t.Seen++
	if t.every > 1 && at&(t.every-1) != 0 {
		return
	}
	if len(*to) >= limits.SamplesPerMetric {
		half := (*to)[:0]
		for i := 0; i < len(*to); i += 2 {
			half = append(half, (*to)[i])
		}
		*to = half
		if t.every = max(1, t.every) * 2; at&(t.every-1) != 0 {
			return
		}
	}
	*to = append(*to, v)
}

// Left reports whether samples were left out.
func (t *Thinning) Left() bool { return t.every > 1 }

// Text says how many there were and which are kept.
func (t *Thinning) Text() string {
	return fmt.Sprintf("%d samples, the limit is %d: one of %d is kept, evenly", t.Seen, limits.SamplesPerMetric, t.every)
}

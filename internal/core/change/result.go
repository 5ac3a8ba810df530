package change

// Change is a step from one regime of a series to the next. Positions count values from 0.
type Change struct {
	Index       int // first value of the new regime
	First, Last int // where else it may be: it came after value First−1 and not after value Last; First ≤ Index ≤ Last
	Scale       Scale

	Before, After        float64 // levels in the unit of the values; geometric means on the logarithmic scale
	NBefore, NAfter      int     // values of the two regimes that tell the effect, at most 200 each
	Effect, Lower, Upper float64 // with its 95 % interval: a ratio less 1 (Log), or a difference in the unit of the values (Raw)
	T                    float64 // Welch's t of up to 60 values on each side, over √f for autocorrelation
	P                    float64 // of a T like this anywhere in the series by chance: the smaller, the more certain

	Settled bool // five or more values follow it, and somebody may be told; with fewer it may still turn out to be an outlier
	// Firm says that it would hold with the largest autocorrelation that so few values do not show, too: 20 values show none below 0.45,
	// which makes the variance of a mean 2.6 times as large. A change that is not firm may become one as the series grows.
	Firm   bool
	Switch bool // it is at most 1.2 times the distance of two modes seen before it, so it may be one more switch between them
}

// Modes are two levels that a series switches between. The switches are no changes.
type Modes struct {
	Switches    []int   // positions, 5 or more
	Low, High   float64 // levels in the unit of the values
	ShareBefore float64 // of values in the high mode, before the newest 60 of this stretch, 0 to 1
	ShareNow    float64 // among the newest 60
}

// Suspicion is a newest value outside of what its regime lets expect. It asks for a rerun; nobody is told of it.
type Suspicion struct {
	Index        int
	Lower, Upper float64 // where the value was expected, in its unit
	Learning     bool    // the regime is too short for that: the limits are half and twice its median
}

// Result is what is known of a series.
type Result struct {
	Values  int   // given
	Missing []int // positions of single zeros among positive values: failed runs, left out
	Scale   Scale // of the newest 1,000 values
	// Noise is one standard deviation of a value about its level: a share of it (Log), or in the unit of the values (Raw). It is 0 when all
	// are equal or there are fewer than two.
	Noise float64

	// Inflation is by how much the values follow each other: the factor of a mean's variance against that of independent values. It is 1 for
	// independent ones, 0 where nothing is known, and above 2 changes are often none.
	Inflation float64

	Changes []Change // in order of position
	Modes   []Modes

	Regime    int        // position of the first value of the current regime
	Learning  bool       // fewer than 12 values, or fewer than 10 in the current regime: no verdict on the newest value
	Suspicion *Suspicion // of the newest value, or nil
	// Detectable is the smallest lasting step from the current regime that is found in four of five cases once 20 values follow it, given
	// as Effect is; 0 while learning. That no change is shown says nothing of smaller ones.
	Detectable float64
}

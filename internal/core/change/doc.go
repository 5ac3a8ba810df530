// Package change finds where the level of a series of measurements changes, and says of each change how large it is, between which commits
// it lies and how certain it is. It says nothing of a series of which it knows too little.
//
// It takes values in the order of versions, one for each: Average makes one of several reports of a version. It knows no store, no names
// and no direction: whether up is worse belongs to the measure. Two samples are compared by package stats, values that are exact by package
// exact, and limits of threshold models are drawn by package judge.
//
// # How
//
//  1. Scale and noise. Positive values are compared on natural logarithms z, others as they are. σ, the noise of one value, comes from the
//     differences of neighbours, which hardly know of changes (noise.go).
//  2. Propose. The segmentation with the smallest cost, in which an outlier costs no more than 3σ (propose.go).
//  3. Path and choice. The proposed places go one by one, the weakest first, and Schwarz's criterion says how many stay (path.go).
//  4. Modes. Places between which the series switches to and fro are no changes (modes.go).
//  5. Prove. Each change must be distinguished from the largest of n noise values, with autocorrelation, and from a drift (prove.go).
//  6. Place and measure. The commits between which it may lie, its effect with an interval, and its certainty (refine.go).
//
// The newest value is held against its regime (tail.go), a series that grows has a window (series.go), and what is found again is known for
// the same (same.go). Sources stand with the formulas. docs/statistics.md has measured figures.
//
// # Bounds
//
// A change must earn 14 to 17 nats: about 4 values at 3σ, or 12 at 1.7σ. What is shorter stays an outlier, and smaller steps are not
// seen; Result.Detectable says how small. Strongly autocorrelated noise, slow drifts and two modes with rare switches still give false
// changes, above all while a series grows. Tell nobody of them before a rerun has confirmed them.
package change

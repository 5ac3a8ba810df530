package grades

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/tachograph/tacho/internal/core/judge"
)

// Known is what an earlier `tacho calibrate --json` has said.
type Known struct {
	Runs  int
	Usual int // units a side that the grades are for
	At    time.Time
	noise map[key]judge.Noise
}

// Read reads the JSON of `tacho calibrate --json`. The error says what is wrong with it.
func Read(text string) (*Known, error) {
	var d document
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return nil, errors.New("it is not the JSON of 'tacho calibrate --json'")
	}
	if d.Usual < 2 || d.Runs < 1 || d.At.IsZero() {
		return nil, errors.New("it is JSON, but not of 'tacho calibrate --json'")
	}
	known := &Known{Runs: d.Runs, Usual: d.Usual, At: d.At, noise: map[key]judge.Noise{}}
	for _, row := range d.Rows {
		n := judge.Noise{Typical: math.NaN(), SD: math.NaN(), Units: row.N, Values: row.Samples, Exact: row.Exact, Drifts: row.Drifts}
		if row.SD != nil {
			n.SD = *row.SD
		}
		if !(n.SD >= 0) && row.SD != nil || n.Units < 1 || n.Units > d.Runs {
			return nil, fmt.Errorf("the row of %.60q: want sd 0 or more and n from 1 to %d", row.Benchmark, d.Runs)
		}
		if m := row.Modes; m != nil {
			n.Modes = &judge.NoiseModes{Cut: m.Cut, Share: m.Share, Units: m.Units, Outliers: m.Outliers}
		}
		known.noise[key{row.Benchmark, row.Measure}] = n
	}
	return known, nil
}

// Of is the noise of a row; false if it was not measured.
func (k *Known) Of(benchmark, measure string) (judge.Noise, bool) {
	n, known := k.noise[key{benchmark, measure}]
	return n, known
}

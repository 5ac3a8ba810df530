package change

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Values that follow each other look like steps as long as so few of them do not show that they do. What is firm is told: from young lines
// that wander far less is, and a step that leaves no doubt all the same.
func TestWhatFewValuesCannotShowIsNotFirm(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 7))
	const lines, length, phi = 400, 40, 0.4
	settled, firm := 0, 0
	for range lines {
		s, err := New(Params{})
		if err != nil {
			t.Fatal(err)
		}
		x, shown, told := 0.0, false, false
		for range length {
			x = phi*x + random.NormFloat64()
			if err := s.Append(100 * math.Exp(0.02*x)); err != nil {
				t.Fatal(err)
			}
			for _, c := range s.Result().Changes {
				shown = shown || c.Settled
				told = told || c.Settled && c.Firm
			}
		}
		if shown {
			settled++
		}
		if told {
			firm++
		}
	}
	t.Logf("of %d lines without a change %d show one at some time, %d a firm one", lines, settled, firm)
	if settled < lines/50 || firm*3 > settled {
		t.Errorf("%d of %d lines show a change, %d a firm one: want a third at most", settled, lines, firm)
	}
	values := make([]float64, 20)
	for i := range values {
		values[i] = 100 + random.NormFloat64()
		if i >= 12 {
			values[i] *= 1.1
		}
	}
	r, err := Detect(values, Params{})
	if err != nil || len(r.Changes) != 1 || !r.Changes[0].Firm {
		t.Errorf("10 %% in noise of 1 %%: %+v, %v", r.Changes, err)
	}
}

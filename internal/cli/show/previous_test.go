package show

import (
	"testing"

	"github.com/tachograph/tacho/api"
)

func TestThePreviousReportsSpreadDecidesWhatIsClaimed(t *testing.T) {
	t.Parallel()
	one := past{}.with(api.Metric{Value: 100})
	two := one.with(api.Metric{Value: 110})
	wide := past{}.with(api.Metric{Value: 100, LowerValue: new(90.0), UpperValue: new(110.0)})
	if two.n != 2 || two.mean != 105 || two.lower != 100 || two.upper != 110 {
		t.Errorf("two values: %+v", two)
	}
	for name, row := range map[string]struct {
		p    past
		m    api.Metric
		want bool
	}{
		"single values say nothing of a spread": {one, api.Metric{Value: 100}, false},
		"a spread on one side only":             {wide, api.Metric{Value: 105}, false},
		"spreads that meet":                     {wide, api.Metric{Value: 115, LowerValue: new(109.0), UpperValue: new(120.0)}, true},
		"spreads apart":                         {wide, api.Metric{Value: 120, LowerValue: new(111.0), UpperValue: new(130.0)}, false},
		"several values are a spread":           {two, api.Metric{Value: 99, LowerValue: new(95.0), UpperValue: new(101.0)}, true},
	} {
		if got := row.p.overlaps(row.m); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

package policy

import (
	"math"
	"slices"
	"testing"
)

func TestCounted(t *testing.T) {
	t.Parallel()
	values := []float64{100, 100.5, 101, 101.5, 0, 7}
	found, err := Counted(values, 0.01, -1)
	if err != nil {
		t.Fatal(err)
	}
	var at []int
	for _, f := range found {
		at = append(at, f.Index)
	}
	if !slices.Equal(at, []int{2, 4, 5}) || found[0].Before != 100 || found[0].NBefore != 2 || found[0].NAfter != 2 || found[2].Effect != nil {
		t.Errorf("found %v: %+v", at, found)
	}
	if found, _ := Counted(values[:4], 0.01, 1); len(found) != 0 {
		t.Errorf("what was accepted is no creep: %+v", found)
	}
	if _, err := Counted([]float64{1, math.NaN()}, 0.01, -1); err == nil {
		t.Error("NaN is a count")
	}
}

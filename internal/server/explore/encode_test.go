package explore

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/property"
)

func TestNumbersAndTimesAreWrittenAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	same := func(t interface{ Fatalf(string, ...any) }, v any, got []byte) {
		if want, err := json.Marshal(v); err != nil || string(want) != string(got) {
			t.Fatalf("%v: %s, want %s, %v", v, got, want, err)
		}
	}
	for _, v := range []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 1e-6, 9.99e-7, 1e-9, 1e-10, -1e-100, 1e20, 1e21, 1.5e21, 1e15, 1e15 - 1,
		-1e15, 1 << 53, math.MaxFloat64, math.SmallestNonzeroFloat64, 123456789012345678} {
		same(t, v, appendNumber(nil, v))
	}
	property.Check(t, func(t *rapid.T) {
		v := rapid.Float64().Draw(t, "any number")
		same(t, v, appendNumber(nil, v))
		whole := float64(rapid.Int64().Draw(t, "a whole number"))
		same(t, whole, appendNumber(nil, whole))
		at := time.UnixMicro(rapid.Int64Range(0, 253402300799999999).Draw(t, "time")).UTC()
		same(t, at, appendTime(nil, at))
	})
}

package value

import (
	"testing"

	"github.com/tachograph/tacho/internal/core/limits"
)

func TestByteSizeReadsUnits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"512": 512 * limits.MiB, "512MiB": 512 * limits.MiB, "2GiB": 2 * limits.GiB, "2 g": 2 * limits.GiB, "1.5GiB": 3 * limits.GiB / 2,
		"100kb": 100_000, "1TB": 1e12, "4096B": 4096, "0": 0, "-1": 0, "GiB": 0, "1 parsec": 0, "1e30GiB": 0, "": 0, "NaN": 0, "Inf": 0,
	} {
		var got Bytes
		if err := got.Set(text); (err == nil) != (want != 0) || int64(got) != want {
			t.Errorf("%q: want %d, got %d, %v", text, want, got, err)
		}
	}
}

func TestByteSizePrintsWhatItReads(t *testing.T) {
	t.Parallel()
	for _, want := range []Bytes{512 * limits.MiB, 2 * limits.GiB, 4097} {
		var got Bytes
		if err := got.Set(want.String()); err != nil || got != want {
			t.Errorf("%s: got %d, %v", want.String(), got, err)
		}
	}
}

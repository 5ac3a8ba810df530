package unit

import "testing"

func TestSizesAreReadInBinaryUnits(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1 << 10: "1 KiB", 1536: "1.5 KiB", 10 << 20: "10 MiB",
		1 << 30: "1 GiB", 3 << 29: "1.5 GiB"} {
		if got := SizeText(n); got != want {
			t.Errorf("%d: want %s, got %s", n, want, got)
		}
	}
}

package unit

import "fmt"

// SizeText writes bytes in the largest binary unit that keeps one decimal exact enough to read.
func SizeText(n int64) string {
	const kib, mib, gib = 1 << 10, 1 << 20, 1 << 30
	switch {
	case n >= gib:
		return fmt.Sprintf("%.3g GiB", float64(n)/gib)
	case n >= mib:
		return fmt.Sprintf("%.3g MiB", float64(n)/mib)
	case n >= kib:
		return fmt.Sprintf("%.3g KiB", float64(n)/kib)
	}
	return fmt.Sprintf("%d bytes", n)
}

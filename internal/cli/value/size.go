// Package value has the flag values that several commands take: sizes, times, choices, the models of thresholds.
package value

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/limits"
)

// Bytes is a flag value: "2GiB", "512 MiB", "1.5g"; a bare number is MiB, as Bencher has it.
type Bytes int64

var byteUnits = []struct {
	names []string
	bytes float64
}{
	{[]string{"", "m", "mib"}, limits.MiB},
	{[]string{"b"}, 1},
	{[]string{"k", "kib"}, limits.KiB},
	{[]string{"g", "gib"}, limits.GiB},
	{[]string{"t", "tib"}, 1024 * limits.GiB},
	{[]string{"kb"}, 1e3},
	{[]string{"mb"}, 1e6},
	{[]string{"gb"}, 1e9},
	{[]string{"tb"}, 1e12},
}

// Set reads a size.
func (b *Bytes) Set(s string) error {
	text := strings.ToLower(strings.TrimSpace(s))
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz ")
	name := strings.TrimSpace(text[len(digits):])
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || n <= 0 {
		return fmt.Errorf("%q is not a size like 512MiB or 2GiB", s)
	}
	for _, unit := range byteUnits {
		for _, known := range unit.names {
			if known == name {
				if n*unit.bytes >= 1<<62 {
					return fmt.Errorf("%q is too large", s)
				}
				*b = Bytes(n * unit.bytes)
				return nil
			}
		}
	}
	return fmt.Errorf("%q has the unknown unit %q: use KiB, MiB, GiB or TiB", s, name)
}

// String is the size in the largest binary unit that divides it.
func (b *Bytes) String() string {
	n := int64(*b)
	switch {
	case n%limits.GiB == 0:
		return strconv.FormatInt(n/limits.GiB, 10) + "GiB"
	case n%limits.MiB == 0:
		return strconv.FormatInt(n/limits.MiB, 10) + "MiB"
	}
	return strconv.FormatInt(n, 10) + "B"
}

// Type is the name that help shows.
func (b *Bytes) Type() string { return "size" }

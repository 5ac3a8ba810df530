package unit

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/property"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		value float64
		units string
		want  string
	}{
		{0, Nanoseconds, "0 ns"},
		{0, MegabytesPerSec, "0 MB/s"},
		{math.Copysign(0, -1), Nanoseconds, "0 ns"},
		{0.5, Nanoseconds, "0.5 ns"},
		{1, Nanoseconds, "1 ns"},
		{999.4, Nanoseconds, "999.4 ns"},
		{999.96, Nanoseconds, "1 µs"},
		{1234.5678, Nanoseconds, "1.235 µs"},
		{12_345_678, Nanoseconds, "12.35 ms"},
		{59.9999e9, Nanoseconds, "1 min"},
		{90e9, Nanoseconds, "1.5 min"},
		{7200e9, Nanoseconds, "2 h"},
		{-1500, Nanoseconds, "-1.5 µs"},
		{1500, Bytes, "1.5 kB"},
		{54152, BytesPerOp, "54.15 kB/op"},
		{15, AllocsPerOp, "15 allocs/op"},
		{9999, AllocsPerOp, "9999 allocs/op"},
		{54_321, AllocsPerOp, "54.32k allocs/op"},
		{52.17, MegabytesPerSec, "52.17 MB/s"},
		{1700, MegabytesPerSec, "1.7 GB/s"},
		{2_500_000, OpsPerSecond, "2.5M ops/s"},
		{0.25, Seconds, "250 ms"},
		{1_234_567, "p99-ns", "1.235 ms"},
		{17.3, "ns/GC", "17.3 ns/GC"},
		{123456, Generic, "123.5k"},
		{123456, "percentage (%)", "123456 %"},
		{42, "frobs", "42 frobs"},
		{1e300, Nanoseconds, "2.778e+287 h"},
		{1e-300, Nanoseconds, "1e-300 ns"},
		{math.MaxFloat64, MegabytesPerSec, "1.798e+296T MB/s"},
		{math.NaN(), Bytes, "NaN"},
		{math.Inf(-1), Bytes, "-Inf"},
	} {
		if got := Format(row.value, row.units); got != row.want {
			t.Errorf("Format(%v, %q) = %q, want %q", row.value, row.units, got, row.want)
		}
	}
}

// TestFormatTable is for eyes: each kind of unit over many orders of magnitude.
func TestFormatTable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, units := range []string{Nanoseconds, Seconds, Bytes, BytesPerOp, MegabytesPerSec, OpsPerSecond, AllocsPerOp, "p99-ns",
		"percentage (%)", Generic} {
		fmt.Fprintf(&b, "%s\n", units)
		for exponent := -4; exponent <= 13; exponent++ {
			v := 1.23456 * math.Pow10(exponent)
			fmt.Fprintf(&b, "%20s  %s\n", strconv.FormatFloat(v, 'g', 6, 64), Format(v, units))
		}
	}
	file := filepath.Join("testdata", "format.golden")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestFormatKeepsFourDigitsAndStaysShort(t *testing.T) {
	t.Parallel()
	factors := map[string]float64{"h": 3600e9, "min": 60e9, "s": 1e9, "ms": 1e6, "µs": 1e3, "ns": 1}
	property.Check(t, func(t *rapid.T) {
		v := rapid.Float64().Draw(t, "value")
		text := Format(v, Nanoseconds)
		if len(text) > 32 {
			t.Fatalf("Format(%v) = %q is %d bytes long", v, text, len(text))
		}
		number, name, _ := strings.Cut(text, " ")
		back, err := strconv.ParseFloat(number, 64)
		if err != nil {
			t.Fatalf("Format(%v) = %q: %v", v, text, err)
		}
		if back *= factors[name]; math.Abs(back-v) > 6e-4*math.Abs(v) && !math.IsInf(back, 0) {
			t.Fatalf("Format(%v) = %q, which is %v", v, text, back)
		}
	})
}

func TestGuessKnowsRatesFromCosts(t *testing.T) {
	t.Parallel()
	for unit, want := range map[string]Direction{
		"p99-ns": Lower, "ns/GC": Lower, "heap_bytes": Lower, "misses/op": Lower, "peak-MB": Lower,
		"reqs/s": Higher, "MB/s": Higher, "rows/sec": Higher,
		"score": Unknown, "runs": Unknown, "conversions": Unknown, "": Unknown, "/": Unknown,
	} {
		if got := Guess(unit).Direction; got != want {
			t.Errorf("Guess(%q).Direction = %s, want %s", unit, got, want)
		}
	}
}

func TestKnownMeasureByNameOrSlug(t *testing.T) {
	t.Parallel()
	for _, m := range known {
		for _, name := range []string{m.Slug, m.Name, strings.ToUpper(m.Name)} {
			if got, ok := KnownMeasure(name); !ok || got != m {
				t.Errorf("KnownMeasure(%q) = %v, %v, want %v", name, got, ok, m)
			}
		}
		if m.Direction == Unknown && m.Slug != "total-operations" {
			t.Errorf("%s has no direction", m.Name)
		}
	}
	if _, ok := KnownMeasure("frobs"); ok {
		t.Error("KnownMeasure knows frobs")
	}
}

func TestBuiltInMeasuresAreDistinct(t *testing.T) {
	t.Parallel()
	names, slugs := map[string]bool{}, map[string]bool{}
	for _, m := range known {
		if names[strings.ToLower(m.Name)] || slugs[m.Slug] || m.Units == "" {
			t.Errorf("%+v is there twice or has no units", m)
		}
		names[strings.ToLower(m.Name)], slugs[m.Slug] = true, true
	}
	// Bencher's clients know these by slug; see the reference of its measures.
	for _, slug := range strings.Fields(`latency throughput build-time file-size instructions l1-accesses l2-accesses ram-accesses
		estimated-cycles compute-jitter cache-jitter io-jitter
		cpu-steal noise-score l1-hits l2-hits ll-hits ram-hits total-read-write global-bus-events dr dw i1mr d1mr d1mw ilmr dlmr dlmw
		i1-miss-rate lli-miss-rate d1-miss-rate lld-miss-rate
		ll-miss-rate l1-hit-rate ll-hit-rate ram-hit-rate sys-count sys-time sys-cpu-time bc bcm bi bim ildmr dldmr dldmw accost1 accost2
		sploss1 sploss2 total-bytes total-blocks
		at-t-gmax-bytes at-t-gmax-blocks at-t-end-bytes at-t-end-blocks reads-bytes writes-bytes memcheck-errors memcheck-contexts
		helgrind-errors drd-suppressed-contexts`) {
		if !slugs[slug] {
			t.Errorf("there is no built-in measure %s", slug)
		}
	}
}

func TestDirectionsAreReadAndOthersRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Direction{"": Unknown, "unknown": Unknown, "lower": Lower, "higher": Higher} {
		got, err := ParseDirection(text)
		if err != nil || got != want {
			t.Errorf("ParseDirection(%q) = %q, %v, want %q", text, got, err, want)
		}
		if text != "" && got.String() != text {
			t.Errorf("%q is written as %q", text, got)
		}
	}
	if _, err := ParseDirection("up"); !fault.Is(err, fault.Invalid) {
		t.Errorf("ParseDirection(up) = %v, want an invalid fault", err)
	}
}

func BenchmarkFormat(b *testing.B) {
	for b.Loop() {
		Format(1234567.8, Nanoseconds)
	}
}

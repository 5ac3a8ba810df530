package unit

import (
	"math"
	"testing"
)

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		value float64
		units string
		want  string
	}{
		{0, Nanoseconds, "0 ns"},
		{0.5, Nanoseconds, "0.5 ns"},
		{1, Nanoseconds, "1 ns"},
		{999.4, Nanoseconds, "999.4 ns"},
		{999.96, Nanoseconds, "1 µs"},
		{1234.5678, Nanoseconds, "1.235 µs"},
		{12_345_678, Nanoseconds, "12.35 ms"},
		{90e9, Nanoseconds, "1.5 min"},
		{-1500, Nanoseconds, "-1.5 µs"},
		{1500, Bytes, "1.5 kB"},
		{54152, BytesPerOp, "54.15 kB/op"},
		{15, AllocsPerOp, "15 allocs/op"},
		{52.17, MegabytesPerSec, "52.17 MB/s"},
		{2_500_000, OpsPerSecond, "2.5 M ops/s"},
		{0.25, Seconds, "250 ms"},
		{123456, Generic, "123.5k"},
		{42, "frobs", "42 frobs"},
		{math.NaN(), Bytes, "NaN"},
	} {
		if got := Format(row.value, row.units); got != row.want {
			t.Errorf("Format(%v, %q) = %q, want %q", row.value, row.units, got, row.want)
		}
	}
}

func TestGuessKnowsRatesFromCosts(t *testing.T) {
	t.Parallel()
	for unit, want := range map[string]Direction{"p99-ns": Lower, "reqs/s": Higher, "misses/op": Lower, "score": Unknown} {
		if got := Guess(unit).Direction; got != want {
			t.Errorf("Guess(%q).Direction = %s, want %s", unit, got, want)
		}
	}
}

func TestKnownMeasureByNameOrSlug(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"latency", "Latency", "LATENCY"} {
		if m, ok := KnownMeasure(name); !ok || m != Latency {
			t.Errorf("KnownMeasure(%q) = %v, %v", name, m, ok)
		}
	}
	if _, ok := KnownMeasure("frobs"); ok {
		t.Error("KnownMeasure knows frobs")
	}
}

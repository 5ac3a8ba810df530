package main

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/suite"
)

// No test here runs in parallel: the program has one thread, and its kernels write to one sink.

func settingsOf(t *testing.T, env map[string]string, args ...string) settings {
	t.Helper()
	s, err := parse(args, func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func always(v float64) func() float64 { return func() float64 { return v } }

func TestWhatItPrintsIsRead(t *testing.T) {
	s := settingsOf(t, map[string]string{"TACHO_SUITE_FAIL": "float"}, "--seconds=0.02")
	var out bytes.Buffer
	if err := s.run(&out, always(0)); err == nil || err.Error() != "Float: told to fail" {
		t.Error(err)
	}
	got, err := adapter.Parse("go_bench", out.Bytes(), adapter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, b := range got.Benchmarks {
		names = append(names, b.Name)
	}
	e := suite.Expected{Benchmarks: []string{"BenchmarkAllocation", "BenchmarkFloat", "BenchmarkInteger", "BenchmarkMemory"}}
	if c := e.Check(names); len(c.Missing) != 1 || c.Missing[0] != "BenchmarkFloat" || len(c.Extra) > 0 {
		t.Errorf("%q: %+v", names, c)
	}
	if n := strings.Count(out.String(), "BenchmarkMemory"); n != samples {
		t.Errorf("%d samples", n)
	}
}

func TestKnobs(t *testing.T) {
	for name, c := range map[string]struct {
		host, kind string
		want       float64
	}{"by type": {"box", "slow.large", 1.1}, "by host": {"slow-1", "", 1.1}, "both count once": {"slow-1", "slow.large", 1.1},
		"neither": {"box", "fast", 1},
		"another": {"box", "tiny", 2}} {
		s := settingsOf(t, nil, "--effect=slow*=1.1,tiny=2")
		s.host, s.kind = c.host, c.kind
		if got, err := s.factor(); err != nil || got != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, args := range []string{"--effect=a", "--effect=[=2", "--effect=a=-1", "--seconds=0", "--bimodal=x", "--only=integer,flout"} {
		if _, err := parse([]string{args}, func(string) string { return "" }); err == nil {
			t.Errorf("%s is taken", args)
		}
	}
	s := settingsOf(t, nil, "--fail=start")
	var out bytes.Buffer
	if err := s.run(&out, always(0)); err == nil || out.Len() > 0 {
		t.Errorf("%v: %s", err, out.String())
	}
	if s := settingsOf(t, nil, "--hang=yes"); !s.hang {
		t.Error("it does not hang")
	}
}

// TestAnEffectIsWork: what has an effect of 1.5 does 1.5 times the units that it counts.
func TestAnEffectIsWork(t *testing.T) {
	var did []int
	spin := kernel{"Spin", func(n int) {
		did = append(did, n)
		integer(n)
	}}
	var out bytes.Buffer
	spin.measure(&out, time.Millisecond, 1.5)
	var units int
	if _, err := fmt.Sscanf(out.String(), "BenchmarkSpin\t%d", &units); err != nil {
		t.Fatal(err)
	}
	for _, n := range did[len(did)-samples:] {
		if want := int(math.Round(float64(units) * 1.5)); n != want {
			t.Errorf("%d units of work where %d are counted, want %d", n, units, want)
		}
	}
}

func TestOnlySomeKernelsRun(t *testing.T) {
	s := settingsOf(t, nil, "--seconds=0.01", "--only=float,integer")
	var out bytes.Buffer
	if err := s.run(&out, always(0)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"Float": samples, "Integer": samples, "Memory": 0, "Allocation": 0} {
		if n := strings.Count(out.String(), "Benchmark"+name); n != want {
			t.Errorf("%s: %d samples, want %d", name, n, want)
		}
	}
}

func TestTheTableIsOneCycle(t *testing.T) {
	chain := table()
	steps := 1
	for at := chain[0]; at != 0; at = chain[at] {
		steps++
	}
	if steps != len(chain) {
		t.Errorf("back after %d steps of %d", steps, len(chain))
	}
}

#!/bin/sh
# Makes fixtures of go test -bench and of hyperfine by running them. Needs go and hyperfine.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out() { mkdir -p "$here/$1" && sed "s#$work#/sample#g; s/^cpu: .*/cpu: a processor/" >"$here/$1/$2"; } # folders are nobody's business
mkdir -p "$work/a" "$work/b" && cd "$work"
printf 'module example.org/sample\n\ngo 1.24\n' >go.mod
cat >a/a_test.go <<'END'
package a

import (
	"fmt"
	"strings"
	"testing"
)

func BenchmarkJoin(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			words := strings.Fields(strings.Repeat("word ", n))
			b.SetBytes(int64(5 * n))
			for b.Loop() {
				strings.Join(words, " ")
			}
			b.ReportMetric(float64(n), "words/op")
		})
	}
}

func BenchmarkPrints(b *testing.B) {
	fmt.Print("printed before the result ")
	for b.Loop() {
	}
}

func BenchmarkFails(b *testing.B) { b.Fatal("it does not work") }
END
cat >b/b_test.go <<'END'
package b

import "testing"

func BenchmarkJoin(b *testing.B) {
	for b.Loop() {
	}
}

func BenchmarkPanics(b *testing.B) { panic("it does not work at all") }
END
go test -run '^$' -bench . -benchmem -benchtime 20x -count 3 ./... 2>&1 | out go_bench made.txt || true
go test -run '^$' -bench 'Join|Prints' -benchtime 20x -cpu 1,2 -json ./a ./b 2>&1 | out go_bench made_events.ndjson || true
mkdir c
cat >c/c_test.go <<'END'
package c

import (
	"fmt"
	"testing"
)

func BenchmarkAll(b *testing.B) {
	for b.Loop() {
	}
}

func BenchmarkHash(b *testing.B) {
	for _, name := range []string{"sha", "sha-256", "sha-512"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
			}
		})
	}
}

func BenchmarkSize(b *testing.B) {
	for _, n := range []int{16, 32} {
		b.Run(fmt.Sprintf("n-%d", n), func(b *testing.B) {
			for b.Loop() {
			}
		})
	}
}
END
go test -run '^$' -bench . -benchtime 20x -cpu 1,2 ./c 2>&1 | out go_bench made_cpu.txt
hyperfine --runs 5 --warmup 1 --parameter-list n 0.01,0.02 --export-json "$work/h.json" --export-csv "$work/h.csv" 'sleep {n}' >/dev/null 2>&1
hyperfine --runs 3 --ignore-failure --export-json "$work/f.json" 'exit 3' true >/dev/null 2>&1
hyperfine --runs 3 --output null --export-json /dev/stdout 'sleep 0.01' 'sleep 0.02' 2>/dev/null | out shell_hyperfine made_stdout.txt
out shell_hyperfine made.json <"$work/h.json"
out shell_hyperfine made.csv <"$work/h.csv"
out shell_hyperfine made_failing.json <"$work/f.json"

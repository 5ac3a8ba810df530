#!/bin/sh
# Makes the fixtures of C++'s tools by running them: Google Benchmark and Catch2. Needs g++ and both libraries (Debian: libbenchmark-dev and catch2), and python3
# with venv.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
out() { mkdir -p "$here/$1" && sed "s#$work#/sample#g; s#\"host_name\": *\"[^\"]*\"#\"host_name\": \"host\"#" >"$here/$1/$2"; } # folders and host names are nobody's business
cat >g.cc <<'END'
#include <benchmark/benchmark.h>
#include <cstring>
#include <string>
static void StringCreation(benchmark::State& s) { for (auto _ : s) { std::string e("some text that is too long for the small one"); benchmark::DoNotOptimize(e); } s.counters["made"] = 7; }
BENCHMARK(StringCreation);
static void Copy(benchmark::State& s) { std::string a(s.range(0), 'x'), b(s.range(0), 'y'); for (auto _ : s) { memcpy(&a[0], &b[0], s.range(0)); benchmark::ClobberMemory(); } s.SetBytesProcessed(s.iterations() * s.range(0)); s.SetItemsProcessed(s.iterations()); }
BENCHMARK(Copy)->Arg(64)->Arg(4096)->Repetitions(3)->Unit(benchmark::kMicrosecond);
BENCHMARK(Copy)->Arg(512)->Repetitions(3)->ReportAggregatesOnly(true)->Name("Aggregated");
static void Broken(benchmark::State& s) { s.SkipWithError("it does not work"); for (auto _ : s) {} }
BENCHMARK(Broken);
BENCHMARK_MAIN();
END
g++ -O2 g.cc -lbenchmark -lpthread -o g
./g --benchmark_format=json --benchmark_min_time=0.02 2>/dev/null | out cpp_google here.json
./g --benchmark_format=csv --benchmark_min_time=0.02 2>&1 | out cpp_google here.csv
./g --benchmark_min_time=0.02 2>&1 | out cpp_google here.txt
# A newer version of Google Benchmark, which its Python package has.
cat >g.py <<'END'
import google_benchmark as benchmark
from google_benchmark import Counter
@benchmark.register
def sum_million(state):
    while state:
        sum(range(1000))
    state.items_processed = state.iterations * 1000
    state.bytes_processed = state.iterations * 4096
    state.counters["foo"] = Counter(state.iterations, Counter.kIsRate)
    state.counters["kib"] = Counter(4096, Counter.kDefaults, Counter.kIs1024)
    state.set_label("hello, world")
@benchmark.register
def broken(state):
    state.skip_with_error("it does not work")
    while state: pass
@benchmark.register
@benchmark.option.range_multiplier(4)
@benchmark.option.range(8, 128)
@benchmark.option.complexity(benchmark.oN)
@benchmark.option.repetitions(2)
def cx(state):
    n=state.range(0)
    while state: sum(range(n))
    state.complexity_n=n
if __name__=="__main__": benchmark.main()
END
python3 -m venv venv && venv/bin/pip -q install google-benchmark==1.9.5
for format in json console; do
  venv/bin/python g.py --benchmark_format=$format --benchmark_min_time=0.01s 2>/dev/null | out cpp_google here-1.9.$format
done
cat >c.cc <<'END'
#define CATCH_CONFIG_MAIN
#define CATCH_CONFIG_ENABLE_BENCHMARKING
#include <catch2/catch.hpp>
static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
TEST_CASE("fib") {
  BENCHMARK("of 10") { return fib(10); };
  SECTION("deeper") { BENCHMARK("of 20, a name that is long enough for a second line of the table in the console") { return fib(20); }; }
}
TEST_CASE("broken") { BENCHMARK("throws") { if (fib(3) == 2) throw std::runtime_error("it does not work"); return 1; }; }
END
g++ -O1 -std=c++17 c.cc -o c 2>/dev/null || g++ -O1 -std=c++17 c.cc -lCatch2Main -lCatch2 -o c
./c --benchmark-samples 20 -r xml 2>&1 | out cpp_catch2 here.xml || true
./c --benchmark-samples 20 2>&1 | out cpp_catch2 here.txt || true
./c --benchmark-samples 20 --benchmark-no-analysis 2>&1 | out cpp_catch2 here-no-analysis.txt || true

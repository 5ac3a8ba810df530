#!/bin/sh
# Makes the fixtures of Ruby's tools by running them: Benchmark (bm and bmbm) and benchmark-ips. Needs ruby and the gem benchmark-ips.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
out() { mkdir -p "$here/$1" && cat >"$here/$1/$2"; }
cat >bm.rb <<'END'
require "benchmark"
def fib(n) = n < 2 ? n : fib(n - 1) + fib(n - 2)
Benchmark.bm(12) do |x|
  x.report("fib(20)") { fib(20) }
  x.report("sort words") { 2000.times.map { |i| "w#{i}" }.sort }
end
END
cat >bmbm.rb <<'END'
require "benchmark"
a = (1..100_000).map { rand }
Benchmark.bmbm { |x| x.report("sort!") { a.dup.sort! }; x.report("sort") { a.dup.sort } }
END
cat >ips.rb <<'END'
require "benchmark/ips"
Benchmark.ips do |x|
  x.config(time: 1, warmup: 0.3)
  x.report("add") { 1 + 2 }
  x.report("join 100 words") { (1..100).map(&:to_s).join(" ") }
  x.report("a name of more than twenty characters") { (1..100).sum }
  x.compare!
  x.json! "ips.json"
end
END
ruby bm.rb | out ruby_benchmark here.txt
ruby bmbm.rb | out ruby_benchmark here_bmbm.txt
ruby ips.rb | out benchmark_ips here.txt
out benchmark_ips here.json <ips.json

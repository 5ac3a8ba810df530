#!/bin/sh
# Makes the fixtures of Rust's tools by running them: libtest, criterion, cargo-criterion, divan, iai and gungraun.
# Needs cargo, and valgrind for the last two.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export RUST_BACKTRACE=0 CARGO_TERM_COLOR=never CARGO_TARGET_DIR="$work/target" CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}"
mkdir -p "$work/src" "$work/benches" && cd "$work"
cat >Cargo.toml <<'END'
[package]
name = "sample"
version = "0.1.0"
edition = "2021"
[dev-dependencies]
criterion = { version = "=0.5.1", default-features = false }
divan = "=0.1.21"
iai = "=0.1.1"
gungraun = "=0.17.0"
[[bench]]
name = "crit"
harness = false
[[bench]]
name = "div"
harness = false
[[bench]]
name = "ia"
harness = false
[[bench]]
name = "gun"
harness = false
[[bench]]
name = "loud"
[[bench]]
name = "units"
harness = false
[[bench]]
name = "tree"
harness = false
[[bench]]
name = "fails"
harness = false
[[bench]]
name = "tools"
harness = false
[profile.bench]
debug = true
END
cat >src/lib.rs <<'END'
#![cfg_attr(test, feature(test))]
pub fn fib(n: u64) -> u64 { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }
pub fn words(n: usize) -> usize { let s = "some words here ".repeat(n); s.split(' ').filter(|w| w.len() > 4).count() }
#[cfg(test)]
mod tests {
    extern crate test;
    #[bench] fn fib_10(b: &mut test::Bencher) { b.iter(|| crate::fib(test::black_box(10))) }
    #[bench] fn fib_20(b: &mut test::Bencher) { b.iter(|| crate::fib(test::black_box(20))) }
    #[bench] fn words_bytes(b: &mut test::Bencher) { b.bytes = 16000; b.iter(|| crate::words(test::black_box(1000))) }
    #[bench] fn broken(_: &mut test::Bencher) { panic!("it does not work") }
}
END
cat >benches/crit.rs <<'END'
use criterion::*;
fn all(c: &mut Criterion) {
    c.bench_function("fib 10", |b| b.iter(|| sample::fib(black_box(10))));
    let mut g = c.benchmark_group("words");
    for n in [10usize, 1000] {
        g.throughput(Throughput::Bytes(16 * n as u64));
        g.bench_with_input(BenchmarkId::new("count", n), &n, |b, n| b.iter(|| sample::words(*n)));
    }
    g.throughput(Throughput::Elements(3));
    g.bench_function("a benchmark with a name that is long enough for a line of its own", |b| b.iter(|| sample::words(black_box(3))));
    g.finish();
}
criterion_group! { name = benches; config = Criterion::default().sample_size(10).warm_up_time(std::time::Duration::from_millis(100)).measurement_time(std::time::Duration::from_millis(300)); targets = all }
criterion_main!(benches);
END
cat >benches/div.rs <<'END'
#[global_allocator] static ALLOC: divan::AllocProfiler = divan::AllocProfiler::system();
fn main() { divan::main(); }
#[divan::bench] fn fib_10() -> u64 { sample::fib(divan::black_box(10)) }
#[divan::bench(args = [10, 1000])] fn words(n: usize) -> usize { sample::words(n) }
mod inner {
    #[divan::bench(sample_count = 20)] fn counted(b: divan::Bencher) { b.counter(divan::counter::BytesCount::new(16000u32)).bench(|| sample::words(1000)); }
    #[divan::bench] #[ignore] fn not_now() {}
}
END
cat >benches/ia.rs <<'END'
use iai::black_box;
fn fib_10() -> u64 { sample::fib(black_box(10)) }
fn words_100() -> usize { sample::words(black_box(100)) }
iai::main!(fib_10, words_100);
END
cat >benches/gun.rs <<'END'
use gungraun::{library_benchmark, library_benchmark_group, main};
#[library_benchmark] #[bench::short(10)] #[bench::long(20)] fn fib(n: u64) -> u64 { std::hint::black_box(sample::fib(std::hint::black_box(n))) }
#[library_benchmark] fn words() -> usize { std::hint::black_box(sample::words(std::hint::black_box(50))) }
library_benchmark_group!(name = all; benchmarks = fib, words);
main!(library_benchmark_groups = all);
END
cat >benches/loud.rs <<'END'
#![feature(test)]
extern crate test;
use test::{black_box, Bencher};
#[bench] fn prints(b: &mut Bencher) { println!("from stdout"); eprintln!("from stderr"); b.iter(|| sample::fib(black_box(10))) }
#[bench] fn prints_no_line(b: &mut Bencher) { print!("a part of a line"); b.iter(|| sample::fib(black_box(10))) }
#[bench] fn broken(_: &mut Bencher) { panic!("it does not work") }
#[bench] #[ignore = "slow"] fn ignored(_: &mut Bencher) {}
#[bench] fn bytes(b: &mut Bencher) { b.bytes = 16000; b.iter(|| sample::words(black_box(1000))) }
END
cat >benches/units.rs <<'END'
use criterion::{measurement::*, *};
use std::time::{Duration, Instant};
struct Cycles;
impl ValueFormatter for Cycles {
    fn scale_values(&self, _: f64, _: &mut [f64]) -> &'static str { "cycles" }
    fn scale_throughputs(&self, _: f64, t: &Throughput, values: &mut [f64]) -> &'static str {
        if let Throughput::Bytes(n) = *t { values.iter_mut().for_each(|v| *v /= n as f64); }
        "cpb"
    }
    fn scale_for_machines(&self, _: &mut [f64]) -> &'static str { "cycles" }
}
impl Measurement for Cycles {
    type Intermediate = Instant;
    type Value = u64;
    fn start(&self) -> Instant { Instant::now() }
    fn end(&self, i: Instant) -> u64 { i.elapsed().as_nanos() as u64 * 3 }
    fn add(&self, a: &u64, b: &u64) -> u64 { a + b }
    fn zero(&self) -> u64 { 0 }
    fn to_f64(&self, v: &u64) -> f64 { *v as f64 }
    fn formatter(&self) -> &dyn ValueFormatter { &Cycles }
}
fn times(c: &mut Criterion) {
    c.bench_function("a time: of day", |b| b.iter(|| sample::fib(black_box(10))));
    let mut g = c.benchmark_group("words");
    g.throughput(Throughput::BytesDecimal(16));
    g.bench_function("decimal", |b| b.iter(|| sample::words(black_box(3))));
    g.finish();
}
fn cycles(c: &mut Criterion<Cycles>) {
    let mut g = c.benchmark_group("cycles");
    g.throughput(Throughput::Bytes(1600));
    g.bench_function("words", |b| b.iter(|| sample::words(black_box(100))));
    g.finish();
}
fn broken(c: &mut Criterion) { c.bench_function("broken", |_| panic!("it does not work")); }
fn short() -> Criterion { Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(300)) }
criterion_group! { name = a; config = short(); targets = times }
criterion_group! { name = b; config = short().with_measurement(Cycles); targets = cycles }
criterion_group! { name = c; config = short(); targets = broken }
criterion_main!(a, b, c);
END
cat >benches/tree.rs <<'END'
use divan::{black_box, counter::*, Bencher};
#[global_allocator] static ALLOC: divan::AllocProfiler = divan::AllocProfiler::system();
fn main() { divan::main(); }
#[divan::bench] fn counted(b: Bencher) { b.counter(BytesCount::new(16000u32)).counter(ItemsCount::new(3u32)).counter(CharsCount::new(160u32)).counter(CyclesCount::new(7u32)).bench(|| sample::words(1000)); }
#[divan::bench] fn grows() -> Vec<u8> { let mut v = vec![]; (0..1000).for_each(|i| v.push(i as u8)); v.shrink_to(10); v }
#[divan::bench(types = [u8, String])] fn made<T: Default>() -> T { T::default() }
#[divan::bench] fn nothing(_: Bencher) {}
#[divan::bench] fn prints(b: Bencher) { println!("from stdout"); eprintln!("from stderr"); b.bench(|| sample::fib(black_box(20))); }
#[divan::bench] fn prints_no_line(b: Bencher) { print!("a part of a line"); b.bench(|| sample::fib(black_box(20))); }
#[divan::bench(args = [10, 1000], threads = [1, 2])] fn words(n: usize) -> usize { sample::words(n) }
#[divan::bench] fn z_broken() { panic!("it does not work") }
END
cat >benches/fails.rs <<'END'
fn fib_10() -> u64 { sample::fib(iai::black_box(10)) }
fn broken() { panic!("it does not work") }
iai::main!(fib_10, broken);
END
cat >benches/tools.rs <<'END'
use gungraun::*;
use std::hint::black_box;
#[library_benchmark] #[bench::short(10)] fn fib(n: u64) -> u64 { black_box(sample::fib(black_box(n))) }
#[library_benchmark] #[bench::short(12)] fn same(n: u64) -> u64 { black_box(sample::fib(black_box(n))) }
#[library_benchmark] fn threads() -> usize { std::thread::spawn(|| black_box(sample::words(black_box(50)))).join().unwrap() }
library_benchmark_group!(name = all; benchmarks = threads);
library_benchmark_group!(name = compared; compare_by_id = true; benchmarks = fib, same);
main!(
    config = LibraryBenchmarkConfig::default().tool(Dhat::default()).tool(Helgrind::default()).tool(Cachegrind::default()).output_format(OutputFormat::default().show_intermediate(true));
    library_benchmark_groups = all, compared
);
END
mkdir -p newer/src newer/benches
cat >newer/Cargo.toml <<'END'
[package]
name = "sample"
version = "0.1.0"
edition = "2021"
[workspace]
[dev-dependencies]
criterion = { version = "=0.8.2", default-features = false }
[[bench]]
name = "newer"
harness = false
END
cp src/lib.rs newer/src/lib.rs
cat >newer/benches/newer.rs <<'END'
use criterion::*;
use std::{hint::black_box, time::Duration};
fn all(c: &mut Criterion) {
    let mut g = c.benchmark_group("words");
    g.throughput(Throughput::ElementsAndBytes { elements: 3, bytes: 48 });
    g.bench_function("both", |b| b.iter(|| sample::words(black_box(3))));
    g.throughput(Throughput::Bits(384));
    g.bench_function("bits", |b| b.iter(|| sample::words(black_box(3))));
    g.finish();
}
criterion_group! { name = benches; config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(300)); targets = all }
criterion_main!(benches);
END
out() { mkdir -p "$here/$1" && sed "s#$work#/sample#g; s#$CARGO_HOME/registry/src/[^/]*/#/cargo/#g; s#$CARGO_HOME#/cargo#g" >"$here/$1/$2"; } # folders are nobody's business
RUSTC_BOOTSTRAP=1 cargo bench --lib 2>&1 | out rust_bench here.txt || true
cargo bench --bench crit 2>&1 | out rust_criterion here.txt
cargo bench --bench crit 2>/dev/null | out rust_criterion here_changed.txt
cargo bench --bench crit -- --output-format bencher 2>&1 | out rust_bench here_criterion.txt
cargo bench --bench div 2>&1 | out divan here.txt
cargo bench --bench ia 2>&1 | out rust_iai here.txt
cargo install --root "$work/tools" --version 0.17.0 gungraun-runner
export GUNGRAUN_RUNNER="$work/tools/bin/gungraun-runner"
cargo bench --bench gun 2>&1 | out rust_gungraun here.txt
cargo bench --bench gun 2>&1 | out rust_gungraun here_again.txt
cargo bench --bench gun -- --output-format=json 2>/dev/null | out rust_gungraun here.json
cargo install --root "$work/tools" --version 1.1.0 cargo-criterion
PATH="$work/tools/bin:$PATH" cargo criterion --bench crit --message-format json 2>/dev/null | out cargo_criterion here.ndjson
RUSTC_BOOTSTRAP=1 cargo bench --bench loud -- --nocapture --test-threads 1 2>&1 | out rust_bench here_nocapture.txt || true
RUSTC_BOOTSTRAP=1 cargo bench --bench loud -- -Z unstable-options --format json 2>/dev/null | out rust_bench here_events.ndjson || true
cargo bench --bench units -- --verbose 2>&1 | out rust_criterion here_units.txt || true
(cd newer && cargo bench --bench newer 2>/dev/null) | out rust_criterion here_newer.txt
cargo bench --bench tree 2>&1 | out divan here_tree.txt || true
cargo bench --bench fails 2>&1 | out rust_iai here_failing.txt || true
cargo bench --bench tools 2>&1 | out rust_gungraun here_tools.txt
cargo bench --bench tools -- --show-grid=true 2>&1 | out rust_gungraun here_grid.txt

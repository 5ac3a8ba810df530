#!/bin/sh
# Makes the fixtures of Rust's tools by running them: libtest, criterion, cargo-criterion, divan, iai and gungraun.
# Needs cargo, and valgrind for the last two.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CARGO_TERM_COLOR=never CARGO_TARGET_DIR="$work/target" CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}"
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
out() { mkdir -p "$here/$1" && sed "s#$work#/sample#g; s#$CARGO_HOME#/cargo#g" >"$here/$1/$2"; } # folders are nobody's business
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

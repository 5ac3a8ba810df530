#!/bin/sh
# Makes the fixtures of JavaScript's tools by running them: deno bench, vitest bench, tinybench, mitata, benchmark.js and console.time. Needs node with npm.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
out() { mkdir -p "$here/$1" && sed "s#file://$work#file:///sample#g; s#$work#/sample#g" >"$here/$1/$2"; } # folders are nobody's business
npm init -y >/dev/null
npm install --silent deno@2.9.6 vitest@3.2.4 tinybench@5.0.1 mitata@1.0.34 benchmark@2.1.4 >/dev/null

cat >a_bench.ts <<'END'
Deno.bench("split words", () => { "some words here".split(" "); });
Deno.bench({ name: "parse", group: "url", baseline: true }, () => { new URL("https://example.org/a?b=c"); });
Deno.bench({ name: "can parse", group: "url" }, () => { URL.canParse("https://example.org/a?b=c"); });
Deno.bench("broken", () => { throw new Error("it does not work"); });
END
npx deno bench --json a_bench.ts 2>/dev/null | out deno_bench here.json || true
NO_COLOR=1 npx deno bench a_bench.ts 2>/dev/null | out deno_bench here.txt || true

cat >a.bench.mjs <<'END'
import { bench, describe } from "vitest";
describe("strings", () => {
  bench("join", () => { ["a", "b"].join(","); }, { time: 50, iterations: 10 });
  bench("split", () => { "a,b".split(","); }, { time: 50, iterations: 10 });
});
END
npx vitest bench --run --outputJson vitest.json >/dev/null 2>&1
out js_vitest here.json <vitest.json

cat >tiny.mjs <<'END'
import { Bench } from "tinybench";
const b = new Bench({ iterations: 12, time: 0, warmup: false, retainSamples: true });
b.add("join", () => { ["a", "b"].join(","); }).add("broken", () => { throw new Error("it does not work"); });
await b.run();
console.log(JSON.stringify(b.tasks.map((t) => ({ name: t.name, result: t.result })), (k, v) => (v instanceof Error ? { message: v.message } : v), 1));
END
node tiny.mjs | out tinybench here_samples.json
echo 'console.table(b.table());' | cat tiny.mjs - | sed '/JSON.stringify/d' >tinytable.mjs
node tinytable.mjs | out tinybench here.txt

cat >mi.mjs <<'END'
import { run, bench, group } from "mitata";
bench("join", () => ["a", "b"].join(","));
group("arrays", () => {
  bench("fill $n", function* (state) { const n = state.get("n"); yield () => new Array(n).fill(0); }).args("n", [10, 100]);
});
bench("broken", () => { throw new Error("it does not work"); });
await run({ format: { json: { samples: false, debug: false } } });
END
node mi.mjs | out mitata here.json
for how in mitata markdown; do
	sed "s/format: .*/colors: false, format: \"$how\" });/" mi.mjs >mitext.mjs
	node mitext.mjs | out mitata here_$how.txt
done
mkdir mi0 && (cd mi0 && npm init -y >/dev/null && npm install --silent mitata@0.1.14 >/dev/null)
cat >mi0/mi.mjs <<'END'
import { run, bench, group, baseline } from "mitata";
bench("join", () => ["a", "b"].join(","));
group("arrays", () => { baseline("join", () => [1, 2].join()); bench("fill", () => new Array(100).fill(0)); });
await run({ colors: false });
END
node mi0/mi.mjs | out mitata here_0.1.txt

cat >bjs.js <<'END'
const { Suite } = require("benchmark");
new Suite().add("join", () => ["a", "b"].join(","), { maxTime: 0.2 }).add("split <a>,<b>", () => "a,b".split(","), { maxTime: 0.2 }).add("broken", () => { throw new Error("it does not work"); }).on("cycle", (e) => console.log(String(e.target))).on("complete", function () { require("fs").writeFileSync("bjs.json", JSON.stringify(this)); }).run();
END
node bjs.js | out js_benchmark here.txt
out js_benchmark here.json <bjs.json

cat >time.js <<'END'
console.time("parse"); JSON.parse(JSON.stringify(Array.from({ length: 1e4 }, (_, i) => i))); console.timeEnd("parse");
for (let i = 0; i < 3; i++) { console.time("sort: numbers"); Array.from({ length: 5e4 }, () => Math.random()).sort(); console.timeEnd("sort: numbers"); }
console.time("a second"); setTimeout(() => { console.timeEnd("a second"); console.log("done: 5 things"); }, 1100);
END
node time.js | out js_time here.txt

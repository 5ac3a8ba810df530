package adapter

import (
	"slices"
	"sync"
)

// tools is the one table of adapters, family by family. Adding one is a file, a folder of samples and a line in its family's table.
var tools = slices.Concat(
	[]tool{bmfTool, goBenchTool, hyperfineTool},
	rustTools, webTools, nativeTools, scriptTools, loadTools, systemTools,
)

// languages are names for all tools of a language, as Bencher has them: the one is read that the output is of.
var languages = []struct {
	name  Name
	tools []Name
}{
	{"c_sharp", []Name{"c_sharp_dot_net"}},
	{"cpp", []Name{"cpp_google", "cpp_catch2"}},
	{"dart", []Name{"dart_benchmark_harness"}},
	{"go", []Name{GoBench}},
	{"java", []Name{"java_jmh", "junit"}},
	{"js", []Name{"js_benchmark", "js_time", "js_vitest", "tinybench", "mitata", "deno_bench"}},
	{"python", []Name{"python_asv", "python_pytest", "pyperf"}},
	{"ruby", []Name{"ruby_benchmark", "benchmark_ips", "ruby_bench"}},
	{"rust", []Name{"rust_bench", "rust_criterion", "rust_iai", "rust_gungraun", "cargo_criterion", "divan"}},
	{"shell", []Name{Hyperfine, "gnu_time"}},
}

// toolSet is the tools among which one looks, with what finds them.
type toolSet struct {
	tools   []tool
	marks   func() *markTree
	needles func() *needleSet
}

func newToolSet(of ...tool) *toolSet {
	return &toolSet{
		of,
		sync.OnceValue(func() *markTree { return newMarkTree(of) }),
		sync.OnceValue(func() *needleSet { return newNeedleSet(of) }),
	}
}

// setOf has the tools that a name stands for: its own, all of a language, or all.
var setOf = func() map[Name]*toolSet {
	all := newToolSet(tools...)
	sets := map[Name]*toolSet{"": all, Magic: all}
	for _, t := range tools {
		set := newToolSet(t)
		for _, name := range append([]Name{t.name}, t.aliases...) {
			sets[name] = set
		}
	}
	for _, l := range languages {
		var of []tool
		for _, name := range l.tools {
			of = append(of, sets[name].tools...)
		}
		if sets[l.name] = newToolSet(of...); len(of) == 1 {
			sets[l.name] = sets[of[0].name]
		}
	}
	return sets
}()

// toolsOf are the tools that a name stands for.
func toolsOf(name Name) (*toolSet, error) {
	if set := setOf[name]; set != nil {
		return set, nil
	}
	_, err := ParseName(string(name))
	return nil, err
}

// alone is the set of one tool.
func alone(t tool) *toolSet {
	if set := setOf[t.name]; set != nil {
		return set
	}
	return newToolSet(t)
}

// Package suite is what a sweep runs: workloads, and suites of them as files with parameters.
//
// A workload is an image, a command, the adapter that reads what it leaves, and what must be true of its output before it counts. A suite
// is a file (suite.yaml) that names workloads, parameters, how its image is built, and the benchmarks of a complete result:
//
//	name: ruby-bench
//	params:                              # {{ruby}} in cmd, env, image and args stands for the value
//	  ruby: {required: true}
//	  set: {default: headline, enum: [headline, all]}
//	image: {containerfile: Containerfile, args: {RUBY: "{{ruby}}"}}      # or {ref: "app:{{ruby}}"}
//	workloads:                           # what one does not say of adapter, files, timeout, expect and env is as in the first
//	  - name: yjit
//	    cmd: [run-suite, "--category={{set}}"]
//	    adapter: ruby_bench
//	    files: [output.json]             # the first is read
//	    assert: {description: {contains: "+YJIT"}}
//	    timeout: 60m
//	    expect: 9m
//	expected: {benchmarks: [mail, psych-load], missing: require}         # or penalise, ignore
//
// A parameter's value replaces text within one word of a command; it never makes another word, and nothing is executed or evaluated. An
// assertion looks at description (what the tool says of the program that it measured), output (all of the text) or json:PATH (values in a
// JSON output; * is any key). It must hold for every value that it finds, and a run in which it finds none is refused too.
//
// The package parses and decides; it builds no image and runs nothing.
package suite

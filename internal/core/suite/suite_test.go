package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/strict"
	"github.com/tachograph/tacho/internal/core/strict/stricttest"
	"github.com/tachograph/tacho/internal/property"
)

const ruby = `
name: ruby-bench
about: Ruby's own
params: {ruby: {required: true}, suite_commit: {default: 09b76c8}, set: {default: headline, enum: [headline, all, micro]}}
image: {containerfile: Containerfile, args: {RUBY: "{{ruby}}", COMMIT: "{{ suite_commit }}"}}
workloads:
  - name: interp
    cmd: [run-suite, "--category={{set}}", -e, "interp::ruby --disable-yjit"]
    env: {SET: "{{set}}-{{ruby}}"}
    adapter: ruby_bench
    files: [output.json, output.csv, output.txt]
    assert: {description: {not_contains: "+YJIT"}}
    timeout: 60m
    expect: 9m
  - name: yjit
    cmd: [run-suite, "--category={{set}}", -e, "yjit::ruby --yjit"]
    assert: {description: {contains: "+YJIT"}}
expected: {when: {set: headline}, benchmarks: [mail, activerecord], missing: require}
unit_of_claim: machine
`

func parse(t testing.TB, text string) Suite {
	t.Helper()
	s, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASuiteIsReadWhole(t *testing.T) {
	t.Parallel()
	files := []string{"output.json", "output.csv", "output.txt"}
	env := map[string]string{"SET": "{{set}}-{{ruby}}"}
	want := Suite{Name: "ruby-bench", About: "Ruby's own",
		Params: []Param{{Name: "ruby", Required: true}, {Name: "set", Default: "headline", Enum: []string{"headline", "all", "micro"}},
			{Name: "suite_commit", Default: "09b76c8"}},
		Recipe: &Recipe{"Containerfile", map[string]string{"RUBY": "{{ruby}}", "COMMIT": "{{ suite_commit }}"}},
		Workloads: []Workload{
			{Name: "interp", Cmd: []string{"run-suite", "--category={{set}}", "-e", "interp::ruby --disable-yjit"}, Env: env,
				Adapter: "ruby_bench",
				Files:   files, Assert: []Assertion{{Field: "description", NotContains: "+YJIT"}}, Timeout: time.Hour,
				Expect: 9 * time.Minute},
			{Name: "yjit", Cmd: []string{"run-suite", "--category={{set}}", "-e", "yjit::ruby --yjit"}, Env: env, Adapter: "ruby_bench",
				Files: files, Assert: []Assertion{{Field: "description", Contains: "+YJIT"}}, Timeout: time.Hour, Expect: 9 * time.Minute},
		},
		Expected: Expected{Benchmarks: []string{"activerecord", "mail"}, Missing: Require, When: map[string]string{"set": "headline"}}}
	s := parse(t, ruby)
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	got, err := s.Resolve(map[string]string{"ruby": "3.4.7", "set": "all"})
	if err != nil {
		t.Fatal(err)
	}
	first := want.Workloads[0]
	first.Cmd, first.Env = []string{"run-suite", "--category=all", "-e", "interp::ruby --disable-yjit"},
		map[string]string{"SET": "all-3.4.7"}
	first.Recipe = &Recipe{"Containerfile", map[string]string{"RUBY": "3.4.7", "COMMIT": "09b76c8"}}
	if diff := cmp.Diff(first, got[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("the suite itself was changed (-want +got):\n%s", diff)
	}
	if all := s.ExpectedWith(map[string]string{"set": "all"}); len(all.Benchmarks) != 0 ||
		len(s.ExpectedWith(map[string]string{"set": "headline"}).Benchmarks) != 2 {
		t.Errorf("expected with another set: %+v", all)
	}
}

func TestParametersAreChecked(t *testing.T) {
	t.Parallel()
	s := parse(t, ruby)
	for want, given := range map[string]map[string]string{
		"suite ruby-bench: parameter ruby is required; write params: {ruby: …}":      {},
		`suite ruby-bench: parameter set cannot be "some"; use headline, all, micro`: {"ruby": "3.4.7", "set": "some"},
		`suite ruby-bench has no parameter "rubby"; it has ruby, set, suite_commit`:  {"ruby": "3.4.7", "rubby": "3"},
		"suite ruby-bench: parameter ruby is one line of at most 256 bytes":          {"ruby": "3\n4"},
	} {
		if _, err := s.Resolve(given); fault.Of(err) != fault.Invalid || err.Error() != want {
			t.Errorf("%v:\n%v\nwant\n%s", given, err, want)
		}
	}
	ref := parse(t, "name: x\nparams: {v: {default: '1'}}\nimage: {ref: 'app:{{v}}'}\nworkloads: [{name: a}]\n")
	if got, err := ref.Resolve(nil); err != nil || got[0].Image != "app:1" || got[0].Recipe != nil || got[0].Timeout != time.Hour {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := ref.Resolve(map[string]string{"v": "1 --privileged"}); fault.Of(err) != fault.Invalid {
		t.Errorf("a value makes another word of an image: %v", err)
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	const tail = "image: {ref: a}\nworkloads: [{name: a}]\n"
	stricttest.Mistakes(t, map[string]string{
		"empty": "",
		"half":  "name: x\n",
		"keys":  "nmae: x\nparam: {}\n" + tail,
		"params": "name: x\nparams: {a: {}, b: {required: true, default: x}, c: {default: x, enum: [y]}, d: {required: perhaps}, " +
			"'e f': {default: x}, g: h}\n" + tail,
		"holes": "name: x\nparams: {a: {default: b}}\nimage: {ref: '{{b}}'}\nworkloads: [{name: a, cmd: ['{{a', '{{A}}'], env: " +
			"{X: '{{ }}'}}]\n",
		"noparams":  "name: x\nimage: {ref: a}\nworkloads: [{name: a, cmd: ['{{a}}']}]\n",
		"image":     "name: x\nimage: {ref: a, containerfile: b}\nworkloads: [{name: a}]\n",
		"images":    "name: x\nimage: {containerfile: ../b}\nworkloads: [{name: a, image: b}]\n",
		"expected":  "name: x\nexpected: {benchmarks: [a, a], missing: complain, when: {b: c}}\nunit_of_claim: iteration\n" + tail,
		"describes": "name: x\nimage: {ref: a}\nworkloads: [{name: a, adapter: go_bench, assert: {description: {contains: x}}}]\n",
		"workloads": "name: x\nimage: {ref: a}\nworkloads: []\n",
		"many":      "name: x\nimage: {ref: a}\nworkloads: [" + strings.Repeat("{name: a},", limits.SuiteWorkloads+1) + "]\n",
		"list":      "- name\n",
	}, func(text []byte) error {
		_, err := Parse(text)
		return err
	})
}

// TestFillMakesNoWordsAndLooksOnce: a value lands as it is, whatever it contains, and nothing around it changes.
func TestFillMakesNoWordsAndLooksOnce(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		value := rapid.SampledFrom([]string{"", "x", "{{b}}", "{{a}}", "}}", "{{", "$(rm)", `"`, "a b", "é"}).Draw(t, "value")
		other := rapid.SampledFrom([]string{"", "y", "{{a}}"}).Draw(t, "other")
		parts := rapid.SliceOf(rapid.SampledFrom([]string{"t", " ", "{", "}", "{{a}}", "{{ b }}", "{{c}}", "$", "-"})).Draw(t, "parts")
		var want, text strings.Builder
		for i, p := range parts {
			if (p == "{" || p == "}") && i > 0 && strings.HasSuffix(text.String(), p) { // "{" "{" would be another brace
				continue
			}
			if strings.HasPrefix(p, "{{") && strings.HasSuffix(text.String(), "{") || strings.HasPrefix(p, "}") &&
				strings.HasSuffix(text.String(), "}") {
				continue
			}
			text.WriteString(p)
			switch p {
			case "{{a}}":
				want.WriteString(value)
			case "{{ b }}":
				want.WriteString(other)
			default:
				want.WriteString(p)
			}
		}
		if got := Fill(text.String(), map[string]string{"a": value, "b": other}); got != want.String() {
			t.Fatalf("%q: %q, want %q", text.String(), got, want.String())
		}
	})
	if got := Fill("{{a", map[string]string{"a": "x"}); got != "{{a" {
		t.Error(got)
	}
}

func capture(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/ruby-bench/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestAVariantThatWasNotAskedForIsRefused: real outputs, among them one of the way in which a JIT was published for months while it was
// switched off.
func TestAVariantThatWasNotAskedForIsRefused(t *testing.T) {
	t.Parallel()
	interp, jit := parse(t, ruby).Workloads[0], parse(t, ruby).Workloads[1]
	off, both := capture(t, "switched-off.json"), capture(t, "two-variants.json")
	on := only(t, both, "yjit")
	for name, c := range map[string]struct {
		w      Workload
		output []byte
		want   string
	}{
		"interpreter": {interp, off, ""},
		"JIT is on":   {jit, on, ""},
		"JIT is off": {jit, off, `workload yjit: description does not contain "+YJIT", it is "ruby ` +
			`3.1.2p20 (2022-04-12 revision 4491bb740a) ` +
			`[x86_64-linux-gnu]"; the run is not taken`},
		"both are the JIT": {interp, on,
			`workload interp: description contains "+YJIT", it is "ruby ` +
				`3.1.2p20 (2022-04-12 revision 4491bb740a) ` +
				`+YJIT [x86_64-linux-gnu]"; the run is not taken`},
		"one of two is": {jit, both, `workload yjit: description does not contain "+YJIT", it is "ruby ` +
			`3.1.2p20 (2022-04-12 revision 4491bb740a) ` +
			`[x86_64-linux-gnu]"; the run is not taken`},
		"no description": {jit, []byte(`{"metadata":{},"raw_data":{}}`), "workload yjit: assert description: the output has no such " +
			"value; the run is not taken"},
		"no JSON": {jit, []byte(`ruby 3.4 +YJIT`),
			"workload yjit: assert description: the output is not JSON that can be read (invalid character 'r' looking for beginning " +
				"of value); the run is not taken"},
		"only its name says it": {jit, []byte(
			`{"metadata":{"yjit":"ruby 3.4"},"raw_data":{"yjit":{"+YJIT":{"RUBY_DESCRIPTION":"ruby 3.4"}}}}`),
			`workload yjit: description does not contain "+YJIT", it is "ruby 3.4"; the run is not taken`},
	} {
		err := c.w.CheckOutput(c.output)
		refused, is := errors.AsType[*Refused](err)
		if c.want == "" && err != nil || c.want != "" && (!is || refused.Reason != ReasonVariant || err.Error() != c.want) {
			t.Errorf("%s:\n%v\nwant\n%s", name, err, c.want)
		}
	}
}

// only keeps one variant of an output.
func only(t *testing.T, output []byte, variant string) []byte {
	t.Helper()
	var all struct {
		Metadata map[string]json.RawMessage `json:"metadata"`
		RawData  map[string]json.RawMessage `json:"raw_data"`
	}
	if err := json.Unmarshal(output, &all); err != nil {
		t.Fatal(err)
	}
	for name := range all.RawData {
		if name != variant {
			delete(all.RawData, name)
			delete(all.Metadata, name)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestOneBenchmarkThatFailsIsAMissingCell(t *testing.T) {
	t.Parallel()
	results, err := adapter.Parse("ruby_bench", capture(t, "one-fails.json"), adapter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, b := range results.Benchmarks {
		names = append(names, b.Name)
	}
	c := Expected{Benchmarks: []string{"broken", "fib"}}.Check(names)
	if !slices.Equal(names, []string{"fib"}) || !slices.Equal(c.Missing, []string{"broken"}) || len(c.Extra) > 0 ||
		c.String() != "1 of the expected benchmarks are missing: broken" {
		t.Errorf("%q: %+v %s", names, c, c)
	}
	if c := (Expected{}).Check(names); c.String() != "" || c.Extra != nil {
		t.Errorf("nothing is expected: %+v", c)
	}
	off, err := adapter.Parse("ruby_bench", capture(t, "switched-off.json"), adapter.Options{})
	if err != nil || len(off.Benchmarks) != 8 || len(off.Problems) > 0 {
		t.Errorf("%d benchmarks, %v, %v", len(off.Benchmarks), off.Problems, err)
	}
}

func TestPathsInJSON(t *testing.T) {
	t.Parallel()
	const text = `{"a":[{"b":1.50},{"b":true},{"c":{"b":"no"}}],"a.b":"x","n":null,"d":{"b":"y"},"big":173500000012345679}`
	for path, want := range map[string][]string{"json:a.*.b": {"1.50", "true"}, "json:a.1.b": {"true"}, "json:*.b": {"y"}, "json:n": nil,
		"json:a":   nil,
		"json:big": {"173500000012345679"}, "json:d.b.x": nil, "output": {text}} {
		got, err := Workload{}.look(path, []byte(text))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	for _, bad := range []string{"{}{}", "{", "[1,]", strings.Repeat("[", 100_000), "[" + strings.Repeat("1,", limits.SuiteValues) + "1]"} {
		if _, err := (Workload{}).look("json:*", []byte(bad)); err == nil {
			t.Errorf("%.20q is read", bad)
		}
	}
	equals := Workload{Name: "w", Assert: []Assertion{{Field: "json:a", Equals: "1"}}}
	if equals.CheckOutput([]byte(`{"a":1}`)) != nil || equals.CheckOutput([]byte(`{"a":12}`)) == nil {
		t.Error("equals")
	}
}

// FuzzParse: whatever a text is, it is read or its mistakes are said, and what is read resolves without leaving a hole.
func FuzzParse(f *testing.F) {
	f.Add([]byte(ruby))
	f.Add([]byte("name: x\nimage: {ref: a}\nworkloads: [{name: a, cmd: ['{{a}}']}]\n"))
	f.Add(bytes.Repeat([]byte("- "), 100))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse(text)
		if err != nil {
			if _, ok := errors.AsType[strict.Mistakes](err); !ok {
				t.Fatal(err)
			}
			return
		}
		given := map[string]string{}
		for _, p := range s.Params {
			if given[p.Name] = "v"; len(p.Enum) > 0 {
				given[p.Name] = p.Enum[0]
			}
		}
		workloads, err := s.Resolve(given)
		if err != nil {
			return
		}
		for _, w := range workloads {
			_ = w.CheckOutput(text)
			if w.Timeout <= 0 || w.Expect > w.Timeout || w.Image == "" && w.Recipe == nil {
				t.Fatalf("%+v", w)
			}
		}
	})
}

package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/change"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/strict/stricttest"
)

// lineOf makes a line of "branch testbed benchmark measure".
func lineOf(text string) Line {
	f := strings.Fields(text)
	n := func(s string) Named { return Named{s, strings.ToLower(s)} }
	return Line{Branch: n(f[0]), Testbed: n(f[1]), Benchmark: n(f[2]), Measure: n(f[3])}
}

func parse(t testing.TB, text string) Policy {
	t.Helper()
	p, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheLastRuleThatSaysASettingHolds(t *testing.T) {
	t.Parallel()
	p := parse(t, `
rules:
  - severity: fail
    notify: [ann, bob]
  - branch: "feature/*"
    severity: info
  - benchmark: [Parse*, Decode?]
    measure: latency
    min_effect: 5%
    strictness: high
  - {testbed: noisy, test: none, notify: []}
  - {testbed: noisy, benchmark: ParseJSON, test: change, min_effect: 0%}
`)
	base := Setting{Test: Change, ToldFrom: 0.01, Strictness: change.Normal, Severity: Fail, Notify: []string{"ann", "bob"}}
	with := func(f func(*Setting)) Setting {
		s := base
		f(&s)
		return s
	}
	for name, want := range map[string]Setting{
		"main lab Sort Latency": base,
		"main lab ParseJSON Latency": with(func(s *Setting) { // by the measure's slug
			s.MinEffect, s.ToldFrom, s.Strictness = 0.05, 0.05, change.High
		}),
		"main lab Decode1 latency":     with(func(s *Setting) { s.MinEffect, s.ToldFrom, s.Strictness = 0.05, 0.05, change.High }),
		"main lab Decode latency":      base,
		"main lab Decode12 latency":    base,
		"main lab ParseJSON size":      base,
		"feature/x lab Sort latency":   with(func(s *Setting) { s.Severity = Info }),
		"main noisy Sort latency":      with(func(s *Setting) { s.Test, s.Notify = None, []string{} }),
		"main noisy ParseJSON latency": with(func(s *Setting) { s.ToldFrom, s.Strictness, s.Notify = 0, change.High, []string{} }),
	} {
		if diff := cmp.Diff(want, p.Resolve(lineOf(name))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestWhoIsTold: without a rule everybody who listens is, and some, or nobody, if a rule says so. A later rule may say so again.
func TestWhoIsTold(t *testing.T) {
	t.Parallel()
	effect := 0.5
	for text, c := range map[string]struct {
		names string
		tells bool
	}{
		"[]":                          {"[] true", true},
		"[{notify: none}]":            {"[] false", false},
		"[{notify: [none]}]":          {"[] false", false},
		"[{notify: []}]":              {"[] false", false},
		"[{notify: [bob, ann, bob]}]": {"[ann bob] false", true},
		"[{notify: ann}]":             {"[ann] false", true},
		"[{notify: none}, {notify: [none, ann], branch: x}]": {},
		"[{notify: none}, {branch: '*', notify: [ann]}]":     {"[ann] false", true},
		"[{severity: info, notify: [ann]}]":                  {"[ann] false", false},
	} {
		p, err := Parse([]byte("rules: " + text))
		if c.names == "" {
			if err == nil {
				t.Errorf("%s was read", text)
			}
			continue
		}
		s := p.Resolve(lineOf("main lab Sort latency"))
		if got := fmt.Sprint(s.Notify, s.Notify == nil); err != nil || got != c.names || s.Tells(&effect) != c.tells {
			t.Errorf("%s: %s, tells %v, %v", text, got, s.Tells(&effect), err)
		}
	}
	if (Setting{}).Equal(Setting{Notify: []string{}}) {
		t.Error("everybody and nobody are the same")
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	counted := lineOf("main lab Sort bytes")
	counted.Exact = true
	instructions := counted
	instructions.Units = "instructions"
	for name, c := range map[string]struct {
		line Line
		want Setting
	}{
		"noisy":        {lineOf("main lab Sort latency"), Setting{Change, 0, 0.01, change.Normal, Warn, nil}},
		"counted":      {counted, Setting{Exact, 0.01, 0.01, change.Normal, Warn, nil}},
		"instructions": {instructions, Setting{Exact, 0.005, 0.005, change.Normal, Warn, nil}},
	} {
		for what, text := range map[string]string{"nothing": "", "a comment": "# soon\n", "no rules": "rules:\n", "the default": Default} {
			if diff := cmp.Diff(c.want, parse(t, text).Resolve(c.line)); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", what, name, diff)
			}
		}
	}
	near := parse(t, "rules: [{measure: bytes, test: change}]").Resolve(counted)
	if near.Test != Change || near.MinEffect != 0 {
		t.Errorf("a counted measure that is not quite exact: %+v", near)
	}
}

func TestTells(t *testing.T) {
	t.Parallel()
	effect := func(v float64) *float64 { return &v }
	for name, c := range map[string]struct {
		severity Severity
		effect   *float64
		want     bool
	}{
		"small":      {Warn, effect(0.0099), false},
		"enough":     {Warn, effect(0.01), true},
		"down":       {Fail, effect(-0.01), true},
		"a little":   {Fail, effect(-0.0099), false},
		"no ratio":   {Warn, nil, true},
		"only shown": {Info, effect(0.5), false},
	} {
		if got := (Setting{Severity: c.severity, ToldFrom: 0.01}).Tells(c.effect); got != c.want {
			t.Errorf("%s: want %v, got %v", name, c.want, got)
		}
	}
	if Worst(Info, Fail) != Fail || Worst("", Info) != Info || Worst(Fail, Warn) != Fail {
		t.Error("the worst of severities")
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true}, {"", "", true}, {"", "a", false}, {"a", "a", true}, {"a", "ab", false}, {"a*", "ab", true}, {"*b", "ab", true},
		{"*b", "abc", false}, {"a*c*e", "abcde", true}, {"a*c*e", "abcd", false}, {"?", "é", true}, {"??", "é", false}, {"a?c", "aéc", true},
		{"*é", "aé", true}, {"[a]", "a", false}, {"[a]", "[a]", true}, {"A", "a", false}, {"a**b", "ab", true}, {"*a*a*", "ba", false},
		{"?*", "", false}, {"Sort/n=*", "Sort/n=10", true},
	} {
		if got := (Pattern{Text: c.pattern}).Matches(c.text); got != c.want {
			t.Errorf("%q, %q: want %v, got %v", c.pattern, c.text, c.want, got)
		}
	}
	for _, c := range []struct {
		p, q string
		want bool
	}{
		{"*", "a?*", true}, {"a*", "ab*", true}, {"a*", "*", false}, {"?", "a", true}, {"?", "*", false}, {"a?", "ab", true},
		{"a*b", "a?b", true},
		{"*a", "*ba", true}, {"*a", "*b", false}, {"a", "?", false}, {"a", "a", true},
	} {
		if got := (Pattern{Text: c.p}).covers(Pattern{Text: c.q}); got != c.want {
			t.Errorf("%q covers %q: want %v, got %v", c.p, c.q, c.want, got)
		}
	}
}

// TestMistakes compares what is said about files that cannot be read with golden texts, a pair of files each.
func TestMistakes(t *testing.T) {
	t.Parallel()
	names := func(n int) (text string) {
		for i := range n {
			text += fmt.Sprintf(" - {benchmark: b%d, notify: [n%d]}\n", i, i)
		}
		return "rules:\n" + text
	}
	stricttest.Mistakes(t, map[string]string{
		"tag":          "rules:\n  - {tag: slow, severity: info}\n",
		"nobody":       "rules:\n  - notify: [ann, none]\n",
		"broken":       "rules:\n  - notify: \"a\\nb\"\n",
		"names":        names(limits.PolicyNames + 1),
		"unknown":      "rule:\n  - test: none\nversion: 1\n",
		"keys":         "rules:\n  - benchmark: [a, 'b*']\n    min-effect: 2%\n    severty: fail\n    colour: red\n",
		"words":        "rules:\n  - {severity: fial, strictness: strict}\n  - test: t_test\n",
		"effects":      "rules:\n  - min_effect: 2\n  - min_effect: much\n  - min_effect: -1%\n  - min_effect: 1e9%\n  - min_effect:\n",
		"shapes":       "rules:\n - branch: {a: 1}\n   benchmark: [[a]]\n   notify: ''\n   measure:\n   testbed: []\n - none\n",
		"scalar":       "none\n",
		"not_a_list":   "rules:\n  test: none\n",
		"says_nothing": "rules:\n  - branch: main\n",
		"within":       "rules:\n  - test: none\n    min_effect: 1%\n    strictness: high\n  - {test: exact, strictness: high}\n",
		"contradiction": "rules:\n  - branch: [a, b]\n    test: none\n  - severity: fail\n  - branch: [b, a]\n    severity: warn\n" +
			"  - {branch: [a, b], test: change}\n",
		"anchor":     "rules:\n  - &a {test: none}\n  - *a\n  - <<: *a\n  - test: &t none\n",
		"tab":        "rules:\n\t- test: none\n",
		"open":       "rules: [\n",
		"twice":      "rules:\n  - test: none\n    test: change\n",
		"documents":  "rules: []\n---\nrules: []\n",
		"control":    "rules: # é\x01\n",
		"latin":      "rules: # \xe9\n",
		"deep":       "rules: " + strings.Repeat("[", 30_000) + "\n",
		"deep_marks": "rules:\n" + strings.Repeat("- ", 30_000) + "\n",
		"large":      strings.Repeat("#", limits.PolicyBytes+1),
		"many":       "rules:\n" + strings.Repeat("- test: none\n", limits.PolicyRules+1),
		"long":       "rules:\n- benchmark: " + strings.Repeat("x", limits.BenchmarkNameBytes+1) + "\n",
		"right":      "rules:\n- {benchmark: " + strings.Repeat("x", 200) + ", severity: bad, branch: main, testbed: 'over the rainbow'}\n",
		"eleven":     "rules:\n" + strings.Repeat("- test: x\n", 11),
	}, func(text []byte) error {
		_, err := Parse(text)
		return err
	})
}

func TestRulesThatDecideNothingAreSaid(t *testing.T) {
	t.Parallel()
	p := parse(t, `rules:
  - {branch: main, severity: fail}
  - {branch: 'm*', severity: info, test: none}
  - {severity: warn}
  - {test: change, strictness: high}
  - {benchmark: 'Parse*', testbed: x, min_effect: 1%}
  - {benchmark: '*', min_effect: 2%}
  - {testbed: 'l*', notify: [a]}
  - {notify: [b]}
  - {testbed: '*', notify: [c], branch: '*', measure: x}
`)
	var got []string
	for _, n := range p.Unreached() {
		got = append(got, strings.TrimSpace(strings.Split(n.Text, "rule of line")[1][:3]))
		if !strings.HasPrefix(n.Text, "this rule decides nothing") {
			t.Errorf("%d: %s", n.At.Line, n.Text)
		}
	}
	lines := []int{}
	for _, n := range p.Unreached() {
		lines = append(lines, n.At.Line)
	}
	if diff := cmp.Diff([]int{2, 3, 6, 8}, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s\n%v", diff, got)
	}
}

func TestPatternsThatMatchNothingAreSaid(t *testing.T) {
	t.Parallel()
	p := parse(t, `rules:
  - {branch: [main, master], severity: fail}
  - {benchmark: parse*, severity: info}
  - {benchmark: Sort, testbed: lab, severity: info}
  - {branch: other, benchmark: 'Parse*', severity: info}
  - {benchmark: JSON, severity: info}
  - {severity: warn}
`)
	var got []string
	for _, n := range p.Unmatched([]Line{lineOf("main lab ParseJSON Latency"), lineOf("other ci Sort Latency")}) {
		got = append(got, n.Text)
	}
	want := []string{
		`branch "master" matches nothing`,
		`this rule selects nothing: no line matches its testbed and benchmark together`,
		`this rule selects nothing: no line matches its branch and benchmark together`,
		`benchmark "JSON" matches nothing; a pattern is for the whole name, and there is "ParseJSON"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	got = nil
	for _, n := range parse(t, "rules: [{benchmark: 'pArse*', test: none}, {test: none, measure: '*'}]").Unmatched(
		[]Line{lineOf("main lab ParseJSON Latency")}) {
		got = append(got, n.Text)
	}
	want = []string{`benchmark "pArse*" matches nothing; upper and lower case count, and there is "ParseJSON"`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := parse(t, "rules: [{test: none}]").Unmatched(nil); len(got) != 1 {
		t.Errorf("no lines: %v", got)
	}
}

// FuzzParse: whatever a text is, it is read or its mistakes lie in it, and what is read answers for a line.
func FuzzParse(f *testing.F) {
	for _, text := range []string{Default, "rules: [{branch: main, min_effect: 2%, notify: [a]}]",
		"rules:\n- test: none\n  testbed: |\n   x\n",
		"a: [", "- - - -", "rules: *a", "\"rules\": !!seq []", "rules:\n  - benchmark: 'é*'\n    severty: x",
		"%YAML 1.2\n---\nrules: []\n...\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse([]byte(text))
		var mistakes Mistakes
		switch {
		case err == nil:
			s := p.Resolve(lineOf("main lab Sort latency"))
			if s.Test == "" || s.Severity == "" || s.Strictness == 0 || !(s.MinEffect >= 0) {
				t.Fatalf("%q: %+v", text, s)
			}
			p.Unreached()
			p.Unmatched([]Line{lineOf("main lab Sort latency")})
		case !errors.As(err, &mistakes) || len(mistakes) == 0:
			t.Fatalf("%q: %v", text, err)
		default:
			lines := strings.Split(text, "\n")
			for _, m := range mistakes {
				if m.At.Line < 1 || m.At.Line > len(lines) || m.At.Column < 1 || m.At.Column > utf8.RuneCountInString(lines[m.At.Line-1])+1 {
					t.Fatalf("%q: a mistake at %v: %s", text, m.At, m.Text)
				}
			}
			if !utf8.ValidString(err.Error()) {
				t.Fatalf("%q: %q", text, err.Error())
			}
		}
	})
}

// TestParseIsQuickOnWhatIsMeantToBeSlow: a text of the largest size is parsed in the time of a request, whatever it is. The bound is far
// above what it takes, because tests share machines.
func TestParseIsQuickOnWhatIsMeantToBeSlow(t *testing.T) {
	t.Parallel()
	for name, part := range map[string]string{
		"unknown keys": "k%d: 1\n", "flow": "[a,", "maps": "{a: ", "quotes": "'", "comments": "#\n", "colons": ": ",
		"anchors": "&a ", "tags": "! ",
		"documents": "---\n", "aliases": "*a ", "questions": "? ", "block": "a: |\n x\n\n", "folded": "- >\n", "spaces": "                ",
		"lines": "\n", "text": "x", "words": "x ", "escapes": "\"\\u0041\" ", "merge": "<<: {}\n", "rules": "rules: \n",
	} {
		var text []byte
		for i := 0; len(text) < limits.PolicyBytes-20; i++ {
			if name == "unknown keys" {
				text = fmt.Appendf(text, part, i)
			} else {
				text = append(text, part...)
			}
		}
		start := time.Now()
		_, _ = Parse(text)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s: %v", name, took)
		} else if testing.Verbose() {
			t.Log(name, took)
		}
	}
}

func TestWhomAChangeConcerns(t *testing.T) {
	t.Parallel()
	base := "rules: [{severity: warn}, {branch: main, severity: fail}, {testbed: lab, min_effect: 2%}]"
	for name, c := range map[string]struct {
		after string
		want  string // of main/lab, main/ci, pr/lab, pr/ci
	}{
		"nothing":        {base, "----"},
		"one more":       {strings.TrimSuffix(base, "]") + ", {branch: pr, test: none}]", "--xx"},
		"another effect": {"rules: [{severity: warn}, {branch: main, severity: fail}, {testbed: lab, min_effect: 3%}]", "x-x-"},
		"none":           {"", "xxxx"},
		"one less":       {"rules: [{severity: warn}, {testbed: lab, min_effect: 2%}]", "xx--"},
		"another order":  {"rules: [{severity: warn}, {testbed: lab, min_effect: 2%}, {branch: main, severity: fail}]", "xxx-"},
	} {
		got := ""
		for _, branch := range []string{"main", "pr"} {
			for _, testbed := range []string{"lab", "ci"} {
				if Concern(parse(t, base), parse(t, c.after), Named{branch, branch}, Named{testbed, testbed}) {
					got += "x"
				} else {
					got += "-"
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: want %s, got %s", name, c.want, got)
		}
	}
}

func TestATextMayBeginWithAByteOrderMark(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\ufeffrules:\r\n  - {severity: fail}\r\n": "",
		"\ufeffrulez: []\n":                        "tacho.yaml:1:1: unknown key \"rulez\"",
		"rules:\n\ufeff  - {severity: fail}\n":     "tacho.yaml:2:1: ",
	} {
		p, err := Parse([]byte(text))
		if want == "" && (err != nil || len(p.Rules) != 1) || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%q: %d rules, %v", text, len(p.Rules), err)
		}
	}
}

// TestAStoredTextHoldsAsFarAsItIsUnderstood: what was taken once goes on to judge, and says what does not.
func TestAStoredTextHoldsAsFarAsItIsUnderstood(t *testing.T) {
	t.Parallel()
	many := make([]string, 20)
	for i := range many {
		many[i] = fmt.Sprintf("n%02d", i)
	}
	names := strings.Join(many, ", ")
	for text, want := range map[string]struct {
		rules, ignored string
		isDefault      bool
	}{
		"": {},
		"rules: [{severity: fail}, {tag: slow, test: none}]": {"fail", "1:28 tag: benchmarks have no tags; select with a pattern of their " +
			"names (benchmark)\n1:27 this rule is left out", false},
		"rules: [{severity: fail}, {benchmark: [], test: none}]": {"fail", "1:39 benchmark has an empty list; leave it out to select all\n" +
			"1:27 this rule is left out", false},
		"rules: [{test: guess, severity: fail}]": {"fail", "1:16 test \"guess\": use change, exact, threshold, none\n1:10 this test is left out",
			false},
		"rules: [{test: guess}]": {"", "1:16 test \"guess\": use change, exact, threshold, none\n" +
			"1:10 this test is left out", true},
		"rules: [{severity: info}, {severity: fail}]": {"info; fail", "", false}, // contradictory now: the last one holds
		"rules: [{notify: [" + names + "]}]": {"told " + strings.Join(many[:16], " "), "1:99 notify has 20 entries, more than 16; name a group " +
			"instead\n1:10 of this notify only " + strings.Join(many[:16], ", "), false},
		"rules: [{notify: [" + strings.Join(many[:16], ", ") + "]}, {benchmark: b, notify: [x, y]}]": {
			"told " + strings.Join(many[:16], " ") + "; for b", "1:101 notify: with this rule the policy names more than 16; name a group " +
				"instead\n1:101 notify of this rule: not told are x, y", false},
		"rulez: [{severity: fail}]": {"", "1:1 unknown key \"rulez\"; did you mean rules?", true},
		"rules: [":                  {"", "1:8 not YAML: sequence end token ']' not found", true},
	} {
		got := ParseStored([]byte(text))
		var rules, ignored []string
		for _, r := range got.Rules {
			said := string(r.Severity)
			if r.Notify != nil {
				said = "told " + strings.Join(*r.Notify, " ")
			}
			for _, b := range r.Benchmark {
				said += "for " + b.Text
			}
			rules = append(rules, said)
		}
		for _, n := range got.Ignored {
			ignored = append(ignored, fmt.Sprintf("%d:%d %s", n.At.Line, n.At.Column, n.Text))
		}
		if strings.Join(rules, "; ") != want.rules || strings.Join(ignored, "\n") != want.ignored || got.Default != want.isDefault {
			t.Errorf("%s:\nholds %q, want %q\nignored %s\nwant %s\ndefault %t", text, strings.Join(rules, "; "), want.rules,
				strings.Join(ignored, "\n"), want.ignored, got.Default)
		}
	}
	hostile := "rules:\n" + strings.Repeat("- {a: 1, b: 1, c: 1, test: none}\n", 600) // more mistakes than are kept
	if got := ParseStored([]byte(hostile)); len(got.Rules) != 0 || !got.Default || len(got.Ignored) != 20 {
		t.Errorf("%d rules of what cannot be read hold, %d notices", len(got.Rules), len(got.Ignored))
	}
	const text = "rules: [{severity: fail, notify: [b, a]}, {benchmark: 'x*', test: none}, {testbed: c, notify: none}]"
	if diff := cmp.Diff(parse(t, text), ParseStored([]byte(text)).Policy); diff != "" {
		t.Errorf("what is taken as new (-) is read otherwise from the store (+):\n%s", diff)
	}
}

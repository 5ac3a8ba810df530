package sweep

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/strict"
	"github.com/tachograph/tacho/internal/core/strict/stricttest"
	"github.com/tachograph/tacho/internal/core/suite"
)

// whole has every key.
const whole = `
id: 173500000012345679
suite: ruby-bench
params: {ruby: "3.4.7"}
hosts: 3
repeats: 2
ttl: 3h
budget: 5.00
share: machine
targets:
  - provider: local
    types: [process]
  - provider: aws
    regions: [us-east-1, eu-west-1]
    zones: [us-east-1a]
    market: spot
    types: [c8g.medium, {type: c8a.medium, alias: c8a, hosts: 5, arch: amd64}]
  - provider: terraform
    module: ./infra/openstack
    types: [m1.large]
    price: {m1.large: 0.11}
`

const own = `
workloads:
  - {name: startup, image: "app:v1", cmd: [bench, startup], adapter: go_bench, timeout: 10m, expect: 3m}
  - name: json
    image: ghcr.io/a/b@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    env: {GOMAXPROCS: 1}
    files: [out/output.json]
    assert: {"json:metadata.*": {contains: "+YJIT"}, output: {not_contains: warning}}
targets: [{provider: local, types: [process]}]
`

func parse(t testing.TB, text string) Config {
	t.Helper()
	c, err := ParseConfig([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAConfigurationIsReadWhole(t *testing.T) {
	t.Parallel()
	budget := 5 * Dollar
	want := Config{ID: "173500000012345679", Suite: "ruby-bench", Params: map[string]string{"ruby": "3.4.7"}, Hosts: 3, Repeats: 2,
		TTL: 3 * time.Hour, Budget: &budget, Share: WholeMachine, Targets: []Target{
			{Provider: "local", Market: OnDemand, Types: []Type{{Name: "process"}}},
			{Provider: "aws", Regions: []string{"us-east-1", "eu-west-1"}, Zones: []string{"us-east-1a"}, Market: Spot,
				Types: []Type{{Name: "c8g.medium"}, {Name: "c8a.medium", Alias: "c8a", Hosts: 5, Arch: "amd64"}}},
			{Provider: "terraform", Market: OnDemand, Module: "./infra/openstack", Types: []Type{{Name: "m1.large"}},
				Prices: map[string]Micros{"m1.large": 110_000}}}}
	if diff := cmp.Diff(want, parse(t, whole)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	got := parse(t, own)
	if got.Hosts != 3 || got.Repeats != 2 || got.TTL != 3*time.Hour || got.Budget != nil || got.Share != WholeMachine {
		t.Errorf("defaults: %+v", got)
	}
	workloads := []suite.Workload{
		{Name: "startup", Image: "app:v1", Cmd: []string{"bench", "startup"}, Adapter: "go_bench", Timeout: 10 * time.Minute,
			Expect: 3 * time.Minute},
		{Name: "json", Image: "ghcr.io/a/b@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
			Env: map[string]string{"GOMAXPROCS": "1"}, Files: []string{"out/output.json"}, Timeout: time.Hour,
			Assert: []suite.Assertion{{Field: "json:metadata.*", Contains: "+YJIT"}, {Field: "output", NotContains: "warning"}}},
	}
	if diff := cmp.Diff(workloads, got.Workloads); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestFormerConfigurationsAreRead: the two forms that ruby-cross-cloud benchmarks had before, by the same loader.
func TestFormerConfigurationsAreRead(t *testing.T) {
	t.Parallel()
	local := Target{Provider: "local", Market: OnDemand, Types: []Type{{Name: "docker", Alias: "apple-m3-max"}}}
	one := "one machine of each type: nothing can be said about types, only about these machines; take hosts: 3, or --hosts 3"
	base := Config{Suite: "ruby-bench", Params: map[string]string{"ruby": "3.4.7"}, Hosts: 1, Repeats: 3, TTL: DefaultTTL,
		Share: WholeMachine,
		Notes: []string{one}}
	first := base
	first.Targets = []Target{{Provider: "aws", Market: OnDemand, Types: []Type{{Name: "c8g.medium"}, {Name: "c7g.medium"}}},
		{Provider: "azure", Market: OnDemand, Types: []Type{{Name: "Standard_D2pls_v6"}}},
		{Provider: "local", Market: OnDemand, Types: []Type{{Name: "docker"}}}}
	second := base
	second.Hosts, second.Repeats, second.ID = 2, 2, "173500000012345679"
	second.Notes = []string{"3 tasks do not divide among 2 machines: each machine does 2, so that all do the same",
		"api_key is not read: it is a secret; give keys by 'tacho login' or TACHO_KEY"}
	second.Targets = []Target{{Provider: "aws", Market: OnDemand, Types: []Type{{Name: "c8g.medium", Alias: "c8g"}}},
		{Provider: "azure", Market: OnDemand, Types: []Type{{Name: "Standard_D2pls_v6", Arch: "arm64"}}}, local}
	third := second
	third.Params, third.ID, third.Targets = nil, "", []Target{{Provider: "aws", Market: OnDemand, Types: []Type{{Name: "c8g.medium",
		Alias: "c8g"}}}}
	third.Notes = []string{"ruby_version is not given; the suite needs it: add it, or --param ruby=3.4.7"}
	for name, c := range map[string]struct {
		text string
		want Config
	}{
		"runs": {"{\n\t\"ruby_version\": \"3.4.7\",\n\t\"runs_per_instance_type\": 3,\n\t\"aws\": [\"c8g.medium\", \"c7g.medium\"],\n" +
			"\t\"azure\": [\"Standard_D2pls_v6\"],\n\t\"local\": [\"docker\"]\n}\n", first},
		"tasks and instances": {`{"ruby_version":"3.4.7","run_id":173500000012345679,"per_instance_type":{"tasks":3,"instances":2},
 "api_key":"s", "aws":[{"instance_type":"c8g.medium","alias":"c8g"}],"azure":[{"instance_type":"Standard_D2pls_v6","arch":"arm64"}],
 "local":[{"instance_type":"docker","alias":"apple-m3-max"}]}`, second},
		"without a version": {`{"per_instance_type":{"tasks":4,"instances":2},
 "aws":[{"instance_type":"c8g.medium","alias":"c8g"}],"azure":[]}`,
			third},
	} {
		if diff := cmp.Diff(c.want, parse(t, c.text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	const head, tail = "suite: tacho-suite\n", "targets: [{provider: local, types: [process]}]\n"
	stricttest.Mistakes(t, map[string]string{
		"empty":    "# soon\n",
		"keys":     "siute: x\nhost: 3\ntarget: []\ncolour: red\n",
		"numbers":  head + tail + "hosts: 0\nrepeats: 1.5\nbudget: 0\nttl: 0s\n",
		"too_many": head + tail + "hosts: 10000\nrepeats: 10000\nttl: 1000h\nbudget: 10000000000\n",
		"half":     "hosts: 3\n",
		"twice":    head + head + tail,
		"both":     head + tail + "workloads: [{name: a, image: b}]\n",
		"params":   tail + "params: {a: b}\nworkloads: [{name: a, image: b}]\n",
		"providers": head + "targets:\n - {provider: awss, types: [a]}\n - {provider: hetzner, types: [a]}\n - {types: [a]}\n - " +
			"{provider: aws}\n",
		"targets": head + "targets:\n - {provider: terraform, types: [a]}\n - {provider: aws, module: x, types: [a], market: " +
			"cheap}\n - none\n",
		"module": head + "targets:\n - {provider: aws, module: x, types: [a]}\n - {provider: aws, zones: [b], types: [a]}\n",
		"types": head + "targets:\n - provider: aws\n   types: [a, a, {alias: x}, {type: b, host: 3}, 'c d', ../etc, {type: e, " +
			"hosts: 0}]\n",
		"price":  head + "targets:\n - {provider: aws, types: [a], price: {b: 1, a: cheap}}\n",
		"shapes": head + "targets: {provider: local}\nshare: all\nid: a b\n",
		"workloads": tail + "workloads:\n - {name: a b, image: 'UPPER CASE', adapter: gobench, timeout: 10}\n - {cmd: []}\n - " +
			"{name: a, image: b, files: [../x]}\n",
		"workload": tail + "workloads:\n - {name: a, image: b, timeout: 1m, expect: 2m}\n - {name: a, image: b}\n - {image: b}\n",
		"asserts": tail + "workloads:\n - {name: a, image: b, assert: {desciption: {contains: x}, output: {}, description: {has: " +
			"x}}}\n",
		"description": tail + "workloads:\n - {name: a, image: b, assert: {description: {contains: x}}}\n",
		"former":      `{"ruby_version":"3.4.7","runs_per_instance_type":3,"per_instance_type":{"tasks":1},"aws":["a"]}`,
		"former_keys": `{"ruby_version":"3.4.7; rm","runs_per_instance":3,"aws":[{"type":"a"}],"gcp":["a"]}`,
		"anchor":      head + "targets: &a [{provider: local, types: [process]}]\n",
		"large":       strings.Repeat("#", limits.SweepBytes+1),
		"many":        head + "targets:\n - provider: aws\n   types:\n" + strings.Repeat("   - a\n", limits.SweepTypes+1),
		"deep":        head + "targets: " + strings.Repeat("[", 1000),
	}, func(text []byte) error {
		_, err := ParseConfig(text)
		return err
	})
}

func TestTheHashIsOfWhatIsMeant(t *testing.T) {
	t.Parallel()
	short := "targets: [{types: [process], provider: local}]\nsuite: tacho-suite\n"
	long := "suite: 'tacho-suite' # ours\nhosts: 3\nrepeats: 2\nttl: 180m\nshare: machine\ntargets:\n- provider: local\n  market: " +
		"on_demand\n  types:\n  - process\n"
	if a, b := parse(t, short), parse(t, long); a.Hash() != b.Hash() {
		t.Errorf("%s\n%s", a.Canonical(), b.Canonical())
	}
	if a, b := parse(t, short), parse(t, short+"hosts: 4\n"); a.Hash() == b.Hash() {
		t.Error("another number of hosts has the same hash")
	}
}

// FuzzParseConfig: whatever a text is, it is read or its mistakes lie in it, and what is read is read again from its canonical form.
func FuzzParseConfig(f *testing.F) {
	for _, text := range []string{whole, own, `{"ruby_version":"3.4.7","runs_per_instance_type":3,"aws":["c8g.medium"]}`,
		`{"per_instance_type":{"tasks":4,"instances":2},"aws":[{"instance_type":"a","alias":"b"}]}`, "a: [", "- - -", "suite: *a", "{\t}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseConfig([]byte(text))
		var mistakes strict.Mistakes
		switch {
		case err == nil:
			again, err := ParseConfig(c.Canonical())
			if err != nil || string(again.Canonical()) != string(c.Canonical()) {
				t.Fatalf("%q: %s: %v", text, c.Canonical(), err)
			}
			if plan, err := NewPlan(c, PlanParams{Sheets: []*Sheet{Embedded()}, Ceilings: map[string]Micros{"*": Dollar},
				Watch: true}); err == nil &&
				len(plan.Tasks) != len(plan.Slots)*len(plan.Workloads)*plan.Repeats {
				t.Fatalf("%q: %d tasks", text, len(plan.Tasks))
			}
		case !errors.As(err, &mistakes) || len(mistakes) == 0:
			t.Fatalf("%q: %v", text, err)
		default:
			lines := strings.Split(text, "\n")
			for _, m := range mistakes {
				if m.At.Line < 1 || m.At.Line > len(lines) || m.At.Column < 1 ||
					m.At.Column > utf8.RuneCountInString(lines[m.At.Line-1])+1 {
					t.Fatalf("%q: a mistake at %v: %s", text, m.At, m.Text)
				}
			}
			if !utf8.ValidString(err.Error()) {
				t.Fatalf("%q: %q", text, err.Error())
			}
		}
	})
}

// TestParseIsQuickOnWhatIsMeantToBeSlow: the bound is far above what it takes, because tests share machines.
func TestParseIsQuickOnWhatIsMeantToBeSlow(t *testing.T) {
	t.Parallel()
	for name, part := range map[string]string{"flow": "[a,", "maps": "{a: ", "quotes": "'", "colons": ": ", "anchors": "&a ",
		"documents": "---\n",
		"questions": "? ", "folded": "- >\n", "lines": "\n", "words": "x ", "types": "{type: a},"} {
		text := []byte(strings.Repeat(part, limits.SweepBytes/len(part)))
		begun := time.Now()
		if _, err := ParseConfig(text); err == nil {
			t.Errorf("%s: no mistake", name)
		}
		if took := time.Since(begun); took > 20*time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
}

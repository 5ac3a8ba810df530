package sweep

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/suite"
	"github.com/tachograph/tacho/internal/property"
)

// two is a pair of workloads, of five and of ten minutes.
var two = []suite.Workload{{Name: "a", Image: "app:1", Timeout: 10 * time.Minute, Expect: 5 * time.Minute},
	{Name: "b", Image: "app:1", Timeout: 20 * time.Minute, Expect: 10 * time.Minute}}

func planOf(t testing.TB, text string, change ...func(*PlanParams)) (Plan, error) {
	t.Helper()
	params := PlanParams{Workloads: two, Sheets: []*Sheet{Embedded()}, Seed: 1}
	for _, f := range change {
		f(&params)
	}
	return NewPlan(parse(t, "suite: x\n"+text), params)
}

func mustPlan(t testing.TB, text string, change ...func(*PlanParams)) Plan {
	t.Helper()
	p, err := planOf(t, text, change...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPlanSaysWhatItCosts(t *testing.T) {
	t.Parallel()
	p := mustPlan(t, "hosts: 3\nrepeats: 2\nttl: 3h\nbudget: 5\ntargets:\n- {provider: aws, regions: [us-east-1], types: [c8g.medium, "+
		"{type: c8a.medium, alias: c8a, hosts: 5}]}\n- {provider: local, types: [process]}\n")
	// c8g.medium is 0.03988 and c8a.medium 0.05389 an hour on 2026-07-22, and 0.02 are for disk and address. A machine boots for 3
	// minutes and works for 2 × (5 + 10): 33 minutes, and may live for 3 hours and
	// be billed for two minutes after them.
	want := []Cost{
		{Machines: 3, Busy: 33 * time.Minute, Expected: 3 * 32_934, Worst: 3 * 181_636},
		{Machines: 5, Busy: 33 * time.Minute, Expected: 5 * 40_640, Worst: 5 * 224_133},
		{Machines: 3, Busy: 30 * time.Minute},
	}
	if diff := cmp.Diff(want, p.Costs); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	total := Cost{Machines: 11, Busy: 33 * time.Minute, Expected: 3*32_934 + 5*40_640, Worst: 3*181_636 + 5*224_133}
	if diff := cmp.Diff(total, p.Total); diff != "" || p.OverBudget() != "" {
		t.Errorf("%s (-want +got):\n%s", p.OverBudget(), diff)
	}
	pool := Pool{Provider: "aws", Regions: []string{"us-east-1"}, Type: "c8g.medium", Alias: "c8g.medium", Market: OnDemand, Arch: "arm64",
		VCPUs: 1, Cores: 1, Hosts: 3, Share: WholeMachine,
		Price: Price{PerHour: 59_880, Known: true, Source: "cloudspecs", Date: "2026-07-22", MinBilled: time.Minute}}
	if diff := cmp.Diff(pool, p.Pools[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := p.Pools[0].Testbed(); got != "aws/c8g.medium" {
		t.Error(got)
	}
	if len(p.Slots) != 11 || len(p.Tasks) != 44 {
		t.Errorf("%d slots, %d tasks", len(p.Slots), len(p.Tasks))
	}
}

func TestBudgets(t *testing.T) {
	t.Parallel()
	const aws = "targets: [{provider: aws, regions: [us-east-1], types: [c8g.medium]}]\n"
	for budget, want := range map[string]string{
		"0.18": "one c8g.medium may cost $0.19 until its ttl of 3h, more than the budget of $0.18; make ttl shorter or budget larger",
		"0.19": "", "1": "",
	} {
		p := mustPlan(t, aws+"budget: "+budget)
		if got := p.OverBudget(); got != want {
			t.Errorf("%s: %s", budget, got)
		}
		if waits := slices.ContainsFunc(p.Warnings, func(w string) bool {
			return strings.HasPrefix(w,
				"not all machines at once")
		}); waits != (budget == "0.19") {
			t.Errorf("%s: %v", budget, p.Warnings)
		}
	}
	if got := mustPlan(t, aws+"ttl: 40m\nhosts: 10\nbudget: 0.3").OverBudget(); got != "the sweep is expected to cost $0.33, more "+
		"than the budget of $0.30" {
		t.Error(got)
	}
	_, err := planOf(t, aws)
	if want := "budget is missing: machines of this sweep cost up to $0.55; write budget: 0.55 or give --budget"; err == nil ||
		err.Error() != want {
		t.Error(err)
	}
	if _, err := planOf(t, "targets: [{provider: local, types: [process]}]"); err != nil {
		t.Errorf("machines that nobody bills need no budget: %v", err)
	}
}

func TestPricesAreKnownOrNamed(t *testing.T) {
	t.Parallel()
	mine, err := ParseSheet([]byte("# of last "+
		"week\ntype,provider,per_hour,date,region,extras,min_billed\nc8g.medium,aws,0.02,2026-11-01,,0,0s\n"+
		"c9z.medium,aws,0.01,2026-11-02,eu-west-1,0,0s\nm1.large,terraform,0.11,,,,60s\n"), "mine.csv")
	if err != nil {
		t.Fatal(err)
	}
	target := func(text string) string { return "budget: 100\ntargets: [{" + text + "}]\n" }
	own := func(p *PlanParams) { p.Sheets = []*Sheet{mine, Embedded()} }
	for name, c := range map[string]struct {
		text   string
		change func(*PlanParams)
		want   Price
	}{
		"own before built in": {target("provider: aws, regions: [us-east-1], types: [c8g.medium]"), own,
			Price{20_000, true, "mine.csv", "2026-11-01", 0}},
		"own in its region": {target("provider: aws, regions: [eu-west-1], types: [c9z.medium]"), own, Price{10_000, true, "mine.csv",
			"2026-11-02", 0}},
		"terraform": {target("provider: terraform, module: m, types: [m1.large]"), own, Price{110_000, true, "mine.csv", "",
			time.Minute}},
		"in the file": {target("provider: aws, types: [x], price: {x: 0.5}"), nil, Price{520_000, true, "configuration", "",
			time.Minute}},
		"in the file, static": {target("provider: static, types: [x], price: {x: 0.5}"), nil, Price{500_000, true, "configuration", "", 0}},
		"spot": {target("provider: aws, market: spot, types: [c8g.medium]"), nil,
			Price{59_880, true, "cloudspecs, on demand: spot costs no more", "2026-07-22", time.Minute}},
		"a ceiling": {target("provider: aws, types: [c9z.medium]"),
			func(p *PlanParams) { p.Ceilings = map[string]Micros{"c9z.medium": Dollar} },
			Price{Dollar, true, "ceiling", "", time.Minute}},
		"a ceiling for all": {target("provider: aws, types: [c9z.medium]"),
			func(p *PlanParams) { p.Ceilings = map[string]Micros{"*": Dollar} },
			Price{Dollar, true, "ceiling", "", time.Minute}},
		"a ceiling is for what has no price": {target("provider: aws, types: [c8g.medium]"),
			func(p *PlanParams) { p.Ceilings = map[string]Micros{"*": 1} },
			Price{59_880, true, "cloudspecs", "2026-07-22", time.Minute}},
		"free": {target("provider: local, types: [process]"), nil, Free()},
		"azure": {target("provider: azure, types: [Standard_D2pls_v6]"), func(p *PlanParams) { p.Watch = true },
			Price{82_000, true, "cloudspecs", "2026-07-22", time.Minute}},
	} {
		if c.change == nil {
			c.change = func(*PlanParams) {}
		}
		p, err := planOf(t, c.text, c.change)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, p.Pools[0].Price); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for text, want := range map[string]string{
		"provider: aws, types: [c8g.mediun]": `aws: no price sheet has a type "c8g.mediun" of aws; did you mean c8g.medium?; ` +
			`name its price (price: {c8g.mediun: 0.05}, ` +
			`or --prices FILE) or the most that it may cost (--unpriced c8g.mediun=0.05), or leave out what has none (--skip-unpriced)`,
		"provider: aws, regions: [us-east-1, eu-west-1], types: " +
			"[c8g.medium]": `aws: the price of c8g.medium is known for us-east-1, not for eu-west-1; name its ` +
			`price (price: {c8g.medium: 0.05}, or --prices FILE) or the most that it may cost (--unpriced c8g.medium=0.05), ` +
			`or leave out what has none (--skip-unpriced)`,
		"provider: azure, types: [Standard_D2pls_v6]": `azure bills a machine that has powered itself off, ` +
			`so its own timer does not end the bill; ` +
			`run the sweep in ` +
			`a server, or say --i-will-watch and stay until it has ended`,
	} {
		if _, err := planOf(t, target(text)); err == nil || err.Error() != want {
			t.Errorf("%s:\n%v", text, err)
		}
	}
}

// TestSkippedPoolsAreListed: what has no price may be left out, and is said to be.
func TestSkippedPoolsAreListed(t *testing.T) {
	t.Parallel()
	skip := func(p *PlanParams) { p.Skip = true }
	p := mustPlan(t, "budget: 9\ntargets: [{provider: aws, types: [c8g.medium, nonsense]}]", skip)
	if got := p.Pools[1].Skipped; got == nil || got.Reason != SkipUnknownType || len(p.Slots) != 3 || p.Total.Machines != 3 {
		t.Errorf("%+v, %d slots", got, len(p.Slots))
	}
	if _, err := planOf(t, "budget: 9\ntargets: [{provider: aws, types: [nonsense]}]", skip); err == nil || !strings.Contains(err.Error(),
		"no machine is left") {
		t.Error(err)
	}
}

func TestBadPriceSheets(t *testing.T) {
	t.Parallel()
	const head = "provider,type,per_hour\n"
	for text, want := range map[string]string{
		"":                "price sheet: no header; begin with provider,type,per_hour",
		"provider,type\n": "price sheet: column per_hour is missing",
		"provider,type,price\n": `price sheet, line 1: unknown column "price"; known are provider, type, ` +
			`per_hour, region, date, extras, min_billed, vcpus, cores, arch`,
		"type,type\n":                          "price sheet, line 1: column type is here twice",
		head + "aws,a,cheap\n":                 `price sheet, line 2: "cheap" is not an amount in dollars; write it like 5 or 0.0399`,
		head + "awz,a,1\n":                     `price sheet, line 2: unknown provider "awz"; did you mean aws?`,
		head + "aws,../a,1\n":                  "price sheet, line 2: type and region are names of letters, digits, '.', '_' and '-'",
		head + "aws,a,1\n#\n\naws,a,2\n":       "price sheet, line 5: a second price of aws a; remove one",
		head + "aws,a\n":                       "price sheet, line 2: wrong number of fields",
		head + "aws,\"a\n":                     `price sheet, line 2: extraneous or missing " in quoted-field`,
		head[:22] + ",date\naws,a,1,soon\n":    "price sheet, line 2: date is a day, like 2026-07-22",
		head[:22] + ",vcpus\naws,a,1,many\n":   "price sheet, line 2: vcpus is a number of processors",
		head[:22] + ",arch\naws,a,1,x86\n":     "price sheet, line 2: arch is amd64 or arm64",
		head[:22] + ",min_billed\naws,a,1,1\n": "price sheet, line 2: min_billed is a time like 60s or 1h",
		"\xff":                                 "price sheet: not a text in UTF-8",
	} {
		if _, err := ParseSheet([]byte(text), "x"); fault.Of(err) != fault.Invalid || err.Error() != want {
			t.Errorf("%q:\n%v\nwant\n%s", text, err, want)
		}
	}
}

func TestALifeThatIsTooShortIsRefused(t *testing.T) {
	t.Parallel()
	const local = "targets: [{provider: local, types: [process]}]\n"
	for ttl, want := range map[string]string{
		"22m59s": "ttl 22m59s is shorter than the longest workload: a machine needs 3m to boot and may work for 20m; make ttl 23m or more",
		"32m59s": "ttl 32m59s is shorter than the work of one machine: 3m to boot and 30m for its tasks; make ttl longer or repeats fewer",
		"33m":    "",
	} {
		if _, err := planOf(t, local+"ttl: "+ttl); fmt.Sprint(err) != want && (want != "" || err != nil) {
			t.Errorf("%s: %v", ttl, err)
		}
	}
	short, long := mustPlan(t, local+"ttl: 62m59s"), mustPlan(t, local+"ttl: 63m")
	if want := []string{"if each task takes its whole timeout, ttl 1h2m59s ends a machine before its last ones; 1h3m would be " +
		"enough"}; !slices.Equal(short.Warnings, want) ||
		len(long.Warnings) > 0 {
		t.Error(short.Warnings, long.Warnings)
	}
}

func TestWhatUsuallyHappensIsExpected(t *testing.T) {
	t.Parallel()
	usual := func(p *PlanParams) {
		p.Usual = func(testbed, workload string) (time.Duration, bool) {
			return time.Minute, testbed == "local/process" && workload == "b"
		}
	}
	if got := mustPlan(t, "targets: [{provider: local, types: [process]}]", usual).Total.Busy; got != 12*time.Minute {
		t.Errorf("two times five and one minute: %v", got)
	}
}

func TestNamesOfPoolsAreUnique(t *testing.T) {
	t.Parallel()
	p := mustPlan(t, `targets:
- {provider: static, regions: [a], types: [x, y]}
- {provider: static, regions: [b], types: [x, {type: z, alias: y}]}
- {provider: local, types: [x]}
- {provider: static, regions: [b], market: spot, types: [x]}
`)
	var got []string
	for _, pool := range p.Pools {
		got = append(got, pool.Alias)
	}
	if want := []string{"x", "y-static", "x-static", "y", "x-local", "x-static-b"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	_, err := planOf(t, `targets:
- {provider: static, types: [x, {type: y, alias: a}]}
- {provider: static, types: [x, {type: z, alias: a}]}
`)
	problems, ok := errors.AsType[Problems](err)
	if want := (Problems{"static x is in the sweep twice with the same region and market; raise its hosts instead",
		`alias "a" is given to two types; results are kept by it`}); !ok || !slices.Equal(problems, want) {
		t.Errorf("%q", err)
	}
}

func TestTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"hosts: 1000\nrepeats: 1\ntargets: [{provider: local, types: [a, b, c, d, e, f]}]": "6000 machines, more than 5000; split " +
			"the sweep into several",
		"hosts: 1000\nrepeats: 100\nttl: 100h\ntargets: [{provider: local, types: [a, b]}]": "400000 tasks, more than 20000; use " +
			"fewer hosts or repeats",
		"budget: 9\nshare: 2\ntargets: [{provider: aws, types: [c8g.medium]}]": "share 2: c8g.medium has 1 CPUs",
	} {
		if _, err := planOf(t, text); err == nil || err.Error() != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	c := parse(t, whole)
	got, err := c.Select(Selection{Provider: "aws", Type: "c8*", Hosts: 7, Repeats: 1, TTL: time.Hour,
		Params: map[string]string{"set": "all"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Targets) != 1 || len(got.Targets[0].Types) != 2 || got.Hosts != 7 || got.Targets[0].Types[1].Hosts != 0 ||
		got.Repeats != 1 ||
		got.TTL != time.Hour || got.Params["set"] != "all" || got.Params["ruby"] != "3.4.7" || len(c.Params) != 1 ||
		c.Targets[1].Types[1].Hosts != 5 {
		t.Errorf("%+v", got)
	}
	for name, s := range map[string]Selection{"type": {Type: "nothing*"}, "provider": {Provider: "gcp"}, "unknown": {Provider: "awz"},
		"hosts":   {Hosts: 10_000},
		"repeats": {Repeats: -1}, "ttl": {TTL: 1000 * time.Hour}} {
		if _, err := c.Select(s); fault.Of(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := c.Select(Selection{Type: "c8a"}); err != nil || got.Targets[0].Types[0].Name != "c8a.medium" {
		t.Errorf("an alias selects: %v, %v", got, err)
	}
}

// TestEachMachineDoesTheSameInAnOrderOfItsOwn: every slot has each workload × repeat once, at places 1 to n; the same seed gives the same
// plan; another pool in the sweep changes no order; and orders differ between slots.
func TestEachMachineDoesTheSameInAnOrderOfItsOwn(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		hosts, repeats := rapid.IntRange(1, 5).Draw(t, "hosts"), rapid.IntRange(1, 6).Draw(t, "repeats")
		types := rapid.IntRange(1, 5).Draw(t, "types")
		c := Config{Suite: "x", Hosts: hosts, Repeats: repeats, TTL: 100 * time.Hour, Share: WholeMachine,
			Targets: []Target{{Provider: "local", Market: OnDemand}}}
		for i := range types {
			c.Targets[0].Types = append(c.Targets[0].Types, Type{Name: fmt.Sprint("t", i)})
		}
		params := PlanParams{Workloads: two, Seed: rapid.Uint64Min(1).Draw(t, "seed")}
		plan := func() Plan {
			p, err := NewPlan(c, params)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		p := plan()
		if diff := cmp.Diff(p, plan()); diff != "" {
			t.Fatalf("another plan: %s", diff)
		}
		each := len(two) * repeats
		if len(p.Slots) != hosts*types || len(p.Tasks) != len(p.Slots)*each {
			t.Fatalf("%d slots, %d tasks", len(p.Slots), len(p.Tasks))
		}
		for s := range p.Slots {
			met := map[Task]bool{}
			for i, task := range p.Tasks[s*each : (s+1)*each] {
				if task.Slot != s || task.Place != i+1 || task.Repeat < 1 || task.Repeat > repeats {
					t.Fatalf("%+v", task)
				}
				task.Place = 0
				met[task] = true
			}
			if len(met) != each {
				t.Fatalf("slot %d has %d different tasks of %d", s, len(met), each)
			}
		}
		first := slices.Clone(p.Tasks[:hosts*each])
		c.Targets[0].Types = append(c.Targets[0].Types, Type{Name: "more"})
		if diff := cmp.Diff(first, plan().Tasks[:hosts*each]); diff != "" {
			t.Fatalf("another type changes the order of this one: %s", diff)
		}
	})
	p := mustPlan(t, "hosts: 20\nrepeats: 5\nttl: 9h\ntargets: [{provider: local, types: [a]}]")
	orders := map[string]bool{}
	for s := range p.Slots {
		orders[fmt.Sprint(p.Tasks[s*10 : s*10+10])[5:]] = true
	}
	if len(orders) < 20 {
		t.Errorf("%d orders of 20 machines", len(orders))
	}
}

// TestPlacesAreFair: each task is first on a machine about as often as any other.
func TestPlacesAreFair(t *testing.T) {
	t.Parallel()
	p := mustPlan(t, "hosts: 1000\nrepeats: 2\ntargets: [{provider: local, types: [a]}]")
	first := map[string]int{}
	for _, task := range p.Tasks {
		if task.Place == 1 {
			first[fmt.Sprint(task.Workload, task.Repeat)]++
		}
	}
	for which, n := range first { // 250 each of 1,000: five deviations of √(1000·¼·¾) are 68
		if n < 182 || n > 318 {
			t.Errorf("task %s is first on %d machines of 1,000", which, n)
		}
	}
}

func TestTheBuiltInSheet(t *testing.T) {
	t.Parallel()
	s := Embedded()
	for typ, want := range map[string]Offer{
		"aws c8i.large":           {PerHour: 93_710, VCPUs: 2, Cores: 1, Arch: "amd64", Region: "us-east-1"},
		"azure Standard_D2pls_v6": {PerHour: 62_000, VCPUs: 2, Cores: 2, Arch: "arm64", Region: "eastus"},
		"gcp n4-standard-2":       {PerHour: 90_700, VCPUs: 2, Cores: 1, Arch: "amd64", Region: "us-central1"},
	} {
		provider, name, _ := strings.Cut(typ, " ")
		want.Provider, want.Type, want.Date, want.Extras, want.MinBilled = provider, name, EmbeddedDate, extras, time.Minute
		if got, ok := s.Find(provider, want.Region, name); !ok || got != want {
			t.Errorf("%s: %+v", typ, got)
		}
	}
	if n := len(s.offers); n != 3165 {
		t.Errorf("%d prices", n)
	}
}

// BenchmarkPlan plans 500 types × 10 hosts × 2 repeats of two workloads: 20,000 tasks.
func BenchmarkPlan(b *testing.B) {
	var text strings.Builder
	text.WriteString("suite: x\nhosts: 10\nbudget: 10000\ntargets:\n- provider: aws\n  types:\n")
	for _, typ := range Embedded().Types("aws")[:500] {
		fmt.Fprintf(&text, "  - {type: %s}\n", typ)
	}
	for b.Loop() {
		c, err := ParseConfig([]byte(text.String()))
		if err != nil {
			b.Fatal(err)
		}
		p, err := NewPlan(c, PlanParams{Workloads: two, Sheets: []*Sheet{Embedded()}})
		if err != nil || len(p.Tasks) != 20_000 {
			b.Fatal(len(p.Tasks), err)
		}
	}
	b.ReportMetric(20_000, "tasks")
}

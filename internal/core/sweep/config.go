package sweep

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/strict"
	"github.com/tachograph/tacho/internal/core/suite"
)

// FileName is what a sweep's configuration is called by default.
const FileName = "sweep.yaml"

// Config is a sweep as its file says it. Fields that the file does not say have their defaults.
type Config struct {
	ID        string // of the sweep, if the file names one; always a text
	Suite     string // "" if Workloads are the file's own
	Params    map[string]string
	Workloads []suite.Workload
	Hosts     int // machines of each type: the sample size of every claim
	Repeats   int // processes on each machine
	TTL       time.Duration
	Budget    *Micros // nil: the file says none
	Share     Share
	Targets   []Target
	Notes     []string // what was understood otherwise than the file may have meant
}

// Target is what a sweep wants of a provider.
type Target struct {
	Provider string
	Regions  []string // the first is tried first
	Zones    []string
	Market   Market
	Module   string // of terraform
	Types    []Type
	Prices   map[string]Micros // an hour, by type: the user's own
}

// Type is an instance type that is wanted.
type Type struct {
	Name  string
	Alias string // "" for none
	Hosts int    // 0: as many as Config.Hosts
	Arch  string // "" if the file does not say
}

// Defaults of a configuration.
const (
	DefaultHosts   = 3
	DefaultRepeats = 2
	DefaultTTL     = 3 * time.Hour
)

var format = strict.Format{Name: "sweep", File: FileName, Bytes: limits.SweepBytes, TooLong: "split it into several sweeps", Needs: 5,
	Examples: examples()}

func examples() map[string]string {
	out := maps.Clone(suite.Examples)
	maps.Copy(out, map[string]string{"a sweep": "suite: tacho-suite and below it targets", "params": `ruby: "3.4.7"`,
		"a target": "provider: local and below it types: [process]", "a type": "c8g.medium or {type: c8g.medium, alias: c8g}",
		"price": "m1.large: 0.11", "per_instance_type": `{"tasks": 4, "instances": 2}`})
	return out
}

// ParseConfig reads a configuration as YAML or JSON: our own form, or one of the two that ruby-cross-cloud benchmarks had before, which
// have a ruby_version and lists of types under names of providers. An error is strict.Mistakes.
func ParseConfig(text []byte) (Config, error) {
	p := reader{Reader: strict.New(text, format), config: Config{Hosts: DefaultHosts, Repeats: DefaultRepeats, TTL: DefaultTTL,
		Share: WholeMachine}}
	if body := p.Parse(); body != nil {
		p.read(body)
	} else if p.Mistakes() == 0 {
		p.Wrong(strict.Position{}, "the sweep is empty; it needs suite or workloads, and targets")
	}
	if err := p.Err(); err != nil {
		return Config{}, err
	}
	return p.config, nil
}

// reader is a configuration while it is read.
type reader struct {
	*strict.Reader
	config Config
	types  int
	body   strict.Node
	said   map[string]strict.Position
}

// formerOnly are keys that only the earlier forms have.
var formerOnly = []string{"ruby_version", "runs_per_instance_type", "per_instance_type"}

func (p *reader) read(body strict.Node) {
	p.said, p.body = map[string]strict.Position{}, body
	if !strict.IsMap(body) {
		p.Each(body, "a sweep", nil)
		return
	}
	old := false
	probe := strict.New(nil, format) // mistakes of keys are noted in the second reading
	probe.EachKey(body, "a sweep", func(_ strict.Position, key string, _ strict.Node) { old = old || slices.Contains(formerOnly, key) })
	keys := p.keys()
	if old {
		keys = p.formerKeys()
	}
	for key, read := range keys {
		keys[key] = func(at strict.Position, n strict.Node) {
			p.said[key] = at
			read(at, n)
		}
	}
	p.Each(body, "a sweep", keys)
	if p.Mistakes() > 0 {
		return
	}
	if old {
		p.former()
	}
	p.complete()
}

func (p *reader) keys() strict.Keys {
	c := &p.config
	return strict.Keys{
		"id":     func(_ strict.Position, n strict.Node) { c.ID = p.id(n, "id") },
		"suite":  func(_ strict.Position, n strict.Node) { c.Suite = suite.Name(p.Reader, n, "suite") },
		"params": func(_ strict.Position, n strict.Node) { c.Params = suite.Params(p.Reader, n) },
		"hosts": func(_ strict.Position, n strict.Node) {
			c.Hosts = suite.Count(p.Reader, n, "hosts", 1, limits.SweepHosts)
		},
		"repeats": func(_ strict.Position, n strict.Node) {
			c.Repeats = suite.Count(p.Reader, n, "repeats", 1, limits.SweepRepeats)
		},
		"ttl": func(_ strict.Position, n strict.Node) {
			c.TTL = suite.Duration(p.Reader, n, "ttl", limits.SweepTTLMost)
		},
		"budget": func(_ strict.Position, n strict.Node) {
			before := p.Mistakes()
			m := p.money(n, "budget")
			if m == 0 && p.Mistakes() == before {
				p.Wrong(strict.Place(n), "budget 0 pays for no machine; leave it out if all machines are free")
			}
			c.Budget = &m
		},
		"share": func(_ strict.Position, n strict.Node) { c.Share = p.share(n) },
		"targets": func(_ strict.Position, n strict.Node) {
			values := p.List(n, "targets")
			if len(values) > limits.SweepTargets {
				p.Wrong(strict.Place(values[limits.SweepTargets]), "%d targets, more than %d", len(values), limits.SweepTargets)
				return
			}
			for _, v := range values {
				p.target(v)
			}
		},
		"workloads": func(_ strict.Position, n strict.Node) { c.Workloads = suite.ReadWorkloads(p.Reader, n, true, nil) },
	}
}

// formerKeys are those of the two earlier forms.
func (p *reader) formerKeys() strict.Keys {
	c := &p.config
	keys := strict.Keys{
		"ruby_version": func(_ strict.Position, n strict.Node) {
			if text, ok := p.Scalar(n, "ruby_version"); ok {
				c.Suite, c.Params = "ruby-bench", map[string]string{"ruby": text}
				if !suite.IsName(text) {
					p.Wrong(strict.Place(n), "ruby_version %q is not a version; write it like \"3.4.7\"", strict.Shortened(text))
				}
			}
		},
		"runs_per_instance_type": func(_ strict.Position, n strict.Node) {
			c.Hosts, c.Repeats = 1, suite.Count(p.Reader, n, "runs_per_instance_type", 1, limits.SweepRepeats)
		},
		"per_instance_type": func(at strict.Position, n strict.Node) {
			tasks, instances := 1, 1
			p.Each(n, "per_instance_type", strict.Keys{
				"tasks": func(_ strict.Position, n strict.Node) {
					tasks = suite.Count(p.Reader, n, "tasks", 1, limits.SweepRepeats*limits.SweepHosts)
				},
				"instances": func(_ strict.Position, n strict.Node) {
					instances = suite.Count(p.Reader, n, "instances", 1, limits.SweepHosts)
				},
			})
			c.Hosts, c.Repeats = instances, (tasks+max(instances, 1)-1)/max(instances, 1)
			if c.Repeats > limits.SweepRepeats {
				p.Wrong(at, "%d tasks on %d instances are more than %d on each", tasks, instances, limits.SweepRepeats)
			}
			if c.Repeats*instances > tasks {
				c.Notes = append(c.Notes, fmt.Sprintf(
					"%d tasks do not divide among %d machines: each machine does %d, so that all do the same",
					tasks, instances, c.Repeats))
			}
		},
		"run_id": func(_ strict.Position, n strict.Node) { c.ID = p.id(n, "run_id") },
	}
	for _, provider := range []string{"aws", "azure", "local"} {
		keys[provider] = func(_ strict.Position, n strict.Node) {
			t := Target{Provider: provider, Market: OnDemand}
			for _, v := range p.List(n, provider) {
				p.typ(&t, v, "instance_type")
			}
			if len(t.Types) > 0 {
				c.Targets = append(c.Targets, t)
			}
		}
	}
	for key, why := range map[string]string{
		"api_key":            "it is a secret; give keys by 'tacho login' or TACHO_KEY",
		"local_orchestrator": "a sweep without --host has its own",
		"skip_infra":         "use the provider static for machines that are there",
		"mock":               "use suite: tacho-suite",
		"debug":              "a failed task's output is always kept",
	} {
		keys[key] = func(strict.Position, strict.Node) {
			c.Notes = append(c.Notes, fmt.Sprintf("%s is not read: %s", key, why))
		}
	}
	return keys
}

// former ends the reading of an earlier form.
func (p *reader) former() {
	c := &p.config
	_, runs := p.said["runs_per_instance_type"]
	at, per := p.said["per_instance_type"]
	switch _, ruby := p.said["ruby_version"]; {
	case runs && per:
		p.Wrong(at, "per_instance_type and runs_per_instance_type contradict each other; remove one")
	case !runs && !per:
		c.Hosts, c.Repeats = 1, 1
	case !ruby:
		c.Suite, c.Params = "ruby-bench", nil
		c.Notes = append(c.Notes, "ruby_version is not given; the suite needs it: add it, or --param ruby=3.4.7")
	}
	slices.SortFunc(c.Targets, func(a, b Target) int { return cmp.Compare(a.Provider, b.Provider) })
	slices.Sort(c.Notes) // maps have no order
	if c.Hosts == 1 {
		c.Notes = append(c.Notes,
			"one machine of each type: nothing can be said about types, only about these machines; take hosts: 3, or --hosts 3")
	}
}

// complete finds what only the whole shows.
func (p *reader) complete() {
	c := &p.config
	body := strict.Place(p.body)
	switch at, own := p.said["workloads"]; {
	case c.Suite != "" && own:
		p.Wrong(at, "suite and workloads are both given; a suite has its own workloads, remove one")
	case c.Suite == "" && len(c.Workloads) == 0:
		p.Wrong(body, "nothing to run; write suite: NAME, or workloads")
	case c.Suite == "" && len(c.Params) > 0:
		p.Wrong(p.said["params"], "params are those of a suite, and there is none")
	}
	if len(c.Targets) == 0 {
		p.Wrong(body, "no machines to run on; add targets with a provider and types")
	}
}

// id reads the name of a sweep. A number keeps all of its digits.
func (p *reader) id(n strict.Node, key string) string {
	text, ok := p.Scalar(n, key)
	if ok && !suite.IsName(text) {
		p.Wrong(strict.Place(n), "%s %q: use letters, digits, '.', '_' and '-', with a letter or digit first, at most 64", key,
			strict.Shortened(text))
	}
	return text
}

func (p *reader) money(n strict.Node, key string) Micros {
	text, ok := p.Scalar(n, key)
	if !ok {
		return 0
	}
	m, err := ParseMicros(text)
	if err != nil {
		p.Wrong(strict.Place(n), "%s: %v", key, err)
	}
	return m
}

func (p *reader) share(n strict.Node) Share {
	text, _ := p.Scalar(n, "share")
	s, ok := ParseShare(text)
	if !ok {
		p.Wrong(strict.Place(n), "share %q: use machine, core, vcpu or a number of CPUs", strict.Shortened(text))
	}
	return s
}

// ParseShare reads a share.
func ParseShare(text string) (Share, bool) {
	if slices.Contains([]Share{WholeMachine, PerCore, PerVCPU}, Share(text)) {
		return Share(text), true
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > limits.SweepCPUs {
		return "", false
	}
	return Share(strconv.Itoa(n)), true
}

func (p *reader) target(n strict.Node) {
	t := Target{Market: OnDemand}
	said := map[string]strict.Position{}
	var prices strict.Node
	list := func(key string, to *[]string) func(strict.Position, strict.Node) {
		return func(at strict.Position, n strict.Node) {
			said[key] = at
			for _, v := range p.List(n, key) {
				name := suite.Name(p.Reader, v, key)
				if slices.Contains(*to, name) {
					p.Wrong(strict.Place(v), "%s: %s is here twice", key, strict.Shortened(name))
				}
				*to = append(*to, name)
			}
			if len(*to) > limits.SweepRegions {
				p.Wrong(strict.Place(n), "%s has %d entries, more than %d", key, len(*to), limits.SweepRegions)
			}
		}
	}
	before := p.Mistakes()
	p.Each(n, "a target", strict.Keys{
		"provider": func(at strict.Position, n strict.Node) {
			said["provider"] = at
			if t.Provider, _ = p.Scalar(n, "provider"); !KnownProvider(t.Provider) {
				p.Wrong(strict.Place(n), "%s", unknownProvider(t.Provider))
			}
		},
		"regions": list("regions", &t.Regions),
		"zones":   list("zones", &t.Zones),
		"market": func(_ strict.Position, n strict.Node) {
			text, _ := p.Scalar(n, "market")
			if t.Market = Market(text); t.Market != OnDemand && t.Market != Spot {
				p.Wrong(strict.Place(n), "market %q: use on_demand or spot", strict.Shortened(text))
			}
		},
		"module": func(at strict.Position, n strict.Node) {
			said["module"] = at
			if t.Module, _ = p.Scalar(n, "module"); t.Module == "" || len(t.Module) > limits.SuiteTextBytes {
				p.Wrong(strict.Place(n), "module is the folder of a Terraform module, at most %d bytes", limits.SuiteTextBytes)
			}
		},
		"types": func(at strict.Position, n strict.Node) {
			said["types"] = at
			for _, v := range p.List(n, "types") {
				p.typ(&t, v, "type")
			}
		},
		"price": func(_ strict.Position, n strict.Node) { prices = n },
	})
	if p.Mistakes() > before {
		return
	}
	at := strict.Place(n)
	switch {
	case t.Provider == "":
		p.Wrong(at, "the target has no provider; use one of %s", strings.Join(Providers(), ", "))
	case len(t.Types) == 0:
		p.Wrong(at, "the target has no types; 'tacho sweep types %s' lists them", t.Provider)
	case t.Module == "" && t.Provider == "terraform":
		p.Wrong(at, "the provider terraform needs module: the folder of a module that makes one machine")
	case t.Module != "" && t.Provider != "terraform":
		p.Wrong(said["module"], "module is for the provider terraform, not for %s", t.Provider)
	case len(t.Regions) == 0 && len(t.Zones) > 0:
		p.Wrong(said["zones"], "zones are those of a region; add regions")
	}
	if prices != nil {
		t.Prices = map[string]Micros{}
		p.EachKey(prices, "price", func(at strict.Position, name string, value strict.Node) {
			if !slices.ContainsFunc(t.Types, func(one Type) bool { return one.Name == name }) {
				p.Wrong(at, "price: %s is not among the types of this target", strict.Shortened(name))
				return
			}
			t.Prices[name] = p.money(value, name)
		})
	}
	p.config.Targets = append(p.config.Targets, t)
}

// typ reads a type: its name, or a map with more.
func (p *reader) typ(t *Target, n strict.Node, key string) {
	if p.types++; p.types > limits.SweepTypes {
		if p.types == limits.SweepTypes+1 {
			p.Wrong(strict.Place(n), "more than %d types; split the sweep into several", limits.SweepTypes)
		}
		return
	}
	var one Type
	if !strict.IsMap(n) {
		one.Name = suite.Name(p.Reader, n, key)
	} else {
		p.Each(n, "a type", strict.Keys{
			key:     func(_ strict.Position, n strict.Node) { one.Name = suite.Name(p.Reader, n, key) },
			"alias": func(_ strict.Position, n strict.Node) { one.Alias = suite.Name(p.Reader, n, "alias") },
			"hosts": func(_ strict.Position, n strict.Node) {
				one.Hosts = suite.Count(p.Reader, n, "hosts", 1, limits.SweepHosts)
			},
			"arch": func(_ strict.Position, n strict.Node) {
				if one.Arch, _ = p.Scalar(n, "arch"); one.Arch != "amd64" && one.Arch != "arm64" {
					p.Wrong(strict.Place(n), "arch %q: use amd64 or arm64", strict.Shortened(one.Arch))
				}
			},
		})
		if one.Name == "" {
			p.Wrong(strict.Place(n), "the type has no %s", key)
			return
		}
	}
	if slices.ContainsFunc(t.Types, func(o Type) bool { return o.Name == one.Name }) {
		p.Wrong(strict.Place(n), "%s is here for the second time in this target; raise its hosts instead", strict.Shortened(one.Name))
		return
	}
	t.Types = append(t.Types, one)
}

// Canonical is the configuration as JSON that is the same for configurations that mean the same, and that ParseConfig reads.
func (c Config) Canonical() []byte {
	out := canonical{ID: c.ID, Suite: c.Suite, Params: c.Params, Hosts: c.Hosts, Repeats: c.Repeats, TTL: suite.Short(c.TTL),
		Share: c.Share}
	if c.Budget != nil {
		out.Budget = c.Budget.String()[1:]
	}
	for _, t := range c.Targets {
		to := canonicalTarget{Provider: t.Provider, Regions: t.Regions, Zones: t.Zones, Market: t.Market, Module: t.Module}
		for _, one := range t.Types {
			to.Types = append(to.Types, canonicalType{one.Name, one.Alias, one.Hosts, one.Arch})
		}
		for name, m := range t.Prices {
			if to.Price == nil {
				to.Price = map[string]string{}
			}
			to.Price[name] = m.String()[1:]
		}
		out.Targets = append(out.Targets, to)
	}
	for _, w := range c.Workloads {
		to := canonicalWorkload{Name: w.Name, Image: w.Image, Cmd: w.Cmd, Env: w.Env, Adapter: w.Adapter, Files: w.Files,
			Timeout: suite.Short(w.Timeout)}
		if w.Expect > 0 {
			to.Expect = suite.Short(w.Expect)
		}
		for _, a := range w.Assert {
			if to.Assert == nil {
				to.Assert = map[string]canonicalAssertion{}
			}
			to.Assert[a.Field] = canonicalAssertion{a.Contains, a.NotContains, a.Equals}
		}
		out.Workloads = append(out.Workloads, to)
	}
	text, err := json.Marshal(out)
	if err != nil {
		panic(err) // texts and numbers only
	}
	return text
}

// Hash is the SHA-256 of Canonical, as 64 hexadecimal digits.
func (c Config) Hash() string {
	sum := sha256.Sum256(c.Canonical())
	return hex.EncodeToString(sum[:])
}

type canonical struct {
	ID        string              `json:"id,omitempty"`
	Suite     string              `json:"suite,omitempty"`
	Params    map[string]string   `json:"params,omitempty"`
	Hosts     int                 `json:"hosts"`
	Repeats   int                 `json:"repeats"`
	TTL       string              `json:"ttl"`
	Budget    string              `json:"budget,omitempty"`
	Share     Share               `json:"share"`
	Targets   []canonicalTarget   `json:"targets"`
	Workloads []canonicalWorkload `json:"workloads,omitempty"`
}

type canonicalTarget struct {
	Provider string            `json:"provider"`
	Regions  []string          `json:"regions,omitempty"`
	Zones    []string          `json:"zones,omitempty"`
	Market   Market            `json:"market"`
	Module   string            `json:"module,omitempty"`
	Types    []canonicalType   `json:"types"`
	Price    map[string]string `json:"price,omitempty"`
}

type canonicalType struct {
	Type  string `json:"type"`
	Alias string `json:"alias,omitempty"`
	Hosts int    `json:"hosts,omitempty"`
	Arch  string `json:"arch,omitempty"`
}

type canonicalWorkload struct {
	Name    string                        `json:"name"`
	Image   string                        `json:"image"`
	Cmd     []string                      `json:"cmd,omitempty"`
	Env     map[string]string             `json:"env,omitempty"`
	Adapter string                        `json:"adapter,omitempty"`
	Files   []string                      `json:"files,omitempty"`
	Assert  map[string]canonicalAssertion `json:"assert,omitempty"`
	Timeout string                        `json:"timeout"`
	Expect  string                        `json:"expect,omitempty"`
}

type canonicalAssertion struct {
	Contains    string `json:"contains,omitempty"`
	NotContains string `json:"not_contains,omitempty"`
	Equals      string `json:"equals,omitempty"`
}

// provider is one that a configuration can name.
type provider struct {
	name          string
	free          bool // nobody bills for its machines, unless the file gives a price
	powerOffKeeps bool // a machine that is powered off is billed on, so that its own timer does not end the bill
}

var providers = []provider{
	{name: "aws"}, {name: "azure", powerOffKeeps: true}, {name: "fake", free: true}, {name: "gcp"}, {name: "kubernetes"},
	{name: "local", free: true}, {name: "static", free: true}, {name: "terraform"},
}

// Providers are the names of providers, in order.
func Providers() (out []string) {
	for _, p := range providers {
		out = append(out, p.name)
	}
	return out
}

// KnownProvider says whether there is such a provider.
func KnownProvider(name string) bool { return slices.Contains(Providers(), name) }

func unknownProvider(name string) string {
	best, least := "", 3
	for _, p := range Providers() {
		if d := ident.Slips(strings.ToLower(strict.Shortened(name)), p); d < least {
			best, least = p, d
		}
	}
	if best != "" {
		return fmt.Sprintf("unknown provider %q; did you mean %s?", strict.Shortened(name), best)
	}
	return fmt.Sprintf("unknown provider %q; known are %s", strict.Shortened(name), strings.Join(Providers(), ", "))
}

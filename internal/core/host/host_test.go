package host

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestArchitecturesHaveTwoSpellings(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, spec, oci string }{
		{"amd64", "x86_64", "amd64"}, {"x86_64", "x86_64", "amd64"}, {"arm64", "aarch64", "arm64"}, {"aarch64", "aarch64", "arm64"},
		{"riscv64", "riscv64", ""}, {"", "", ""},
	} {
		if got := [2]string{Architecture(row.name), OCIArchitecture(row.name)}; got != [2]string{row.spec, row.oci} {
			t.Errorf("%q: want %q and %q, got %q", row.name, row.spec, row.oci, got)
		}
	}
}

func TestStrongerLevelsReachWeakerOnes(t *testing.T) {
	t.Parallel()
	want := map[Isolation]string{None: "none", Container: "none container", GVisor: "none container gvisor",
		MicroVM: "none container gvisor microvm", "magic": "magic", "": ""}
	for level, reached := range want {
		var got []string
		for _, want := range []Isolation{None, Container, GVisor, MicroVM, "magic"} {
			if level.Reaches(want) {
				got = append(got, string(want))
			}
		}
		if strings.Join(got, " ") != reached {
			t.Errorf("%q reaches %v, want %s", level, got, reached)
		}
		if level.Known() != (level != "magic" && level != "") {
			t.Errorf("%q: known is %v", level, level.Known())
		}
	}
	if diff := cmp.Diff([]Isolation{Container, GVisor, MicroVM}, ForSpecs()); diff != "" {
		t.Errorf("for specs (-want +got):\n%s", diff)
	}
}

func TestMisfitsSayWhatAMachineLacks(t *testing.T) {
	t.Parallel()
	spec := Spec{OS: "linux", Architecture: "x86_64", Isolation: GVisor, CPUs: 2, Memory: 2 << 30, Disk: 4 << 30, Network: true}
	machine := Machine{OS: "linux", Architecture: "x86_64", Isolations: []string{"gvisor", "container"}, CPUs: 2, Memory: 2 << 30,
		Disk: 4 << 30, Network: true}
	const network = "its sandboxes have no network; put what the benchmark needs into its image, and use a spec without network"
	for name, row := range map[string]struct {
		change func(*Machine)
		said   []string // where the runner said this of itself some time ago
		whole  []string // where the machine says it now; as said if nil
	}{
		"it fits":                          {change: func(*Machine) {}},
		"an architecture in Go's spelling": {change: func(m *Machine) { m.Architecture = "amd64" }},
		"a stronger isolation":             {change: func(m *Machine) { m.Isolations = []string{"microvm"} }},
		"another system":                   {func(m *Machine) { m.OS = "macos" }, []string{"it runs macos, the spec asks for linux"}, nil},
		"another architecture": {func(m *Machine) { m.Architecture = "arm64" },
			[]string{"it is arm64, the spec asks for x86_64"}, nil},
		"too few CPUs": {func(m *Machine) { m.CPUs = 1 }, []string{"it has 1 CPUs for jobs, the spec asks for 2"}, nil},
		"too little memory": {func(m *Machine) { m.Memory = 1 << 30 },
			[]string{"it has 1 GiB of memory for jobs, the spec asks for 2 GiB"}, nil},
		"too little disk": {func(m *Machine) { m.Disk = 512 << 20 }, []string{"it has 512 MiB of disk free, the spec asks for 4 GiB"}, nil},
		"a weaker isolation": {func(m *Machine) { m.Isolations = []string{"container", "none"} },
			[]string{"it offers isolation container, none, the spec asks for gvisor (start the runner with --runtime runsc)"}, nil},
		"an isolation nobody knows": {func(m *Machine) { m.Isolations = []string{"magic"} },
			[]string{"it offers isolation magic, the spec asks for gvisor (start the runner with --runtime runsc)"}, nil},
		"no network": {func(m *Machine) { m.Network = false }, []string{network}, nil},
		"two reasons": {func(m *Machine) { m.OS, m.Network = "macos", false },
			[]string{"it runs macos, the spec asks for linux", network}, nil},
		"a disk that cannot be read": {change: func(m *Machine) { m.Disk = 0 }},
		"it says nothing": {func(m *Machine) { *m = Machine{} }, nil, []string{"it runs , the spec asks for linux",
			"it is , the spec asks for x86_64", "it has 0 CPUs for jobs, the spec asks for 2",
			"it has 0 bytes of memory for jobs, the spec asks for 2 GiB", network,
			"it offers isolation none, the spec asks for gvisor (start the runner with --runtime runsc)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if row.whole == nil {
				row.whole = row.said
			}
			has := machine
			row.change(&has)
			for whole, want := range map[bool][]string{false: row.said, true: row.whole} {
				has.Whole = whole
				if diff := cmp.Diff(want, Misfits(spec, has)); diff != "" {
					t.Errorf("whole %v (-want +got):\n%s", whole, diff)
				}
			}
		})
	}
}

func TestASpecWithoutASystemRunsOnAny(t *testing.T) {
	t.Parallel()
	if got := Misfits(Spec{Architecture: "x86_64", Isolation: Container}, Machine{OS: "macos", Architecture: "x86_64",
		Isolations: []string{"container"}, CPUs: 1, Whole: true}); got != nil {
		t.Errorf("got %q", got)
	}
}

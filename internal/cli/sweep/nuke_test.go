package sweep

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/clitest"
	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/cloud/provider/fake"
	"github.com/tachograph/tacho/internal/cloud/provider/static"
	core "github.com/tachograph/tacho/internal/core/sweep"
)

const (
	ours    = "installation-1"
	nightly = "01960000-0000-7000-8000-00000000000a"
	weekly  = "01960000-0000-7000-8000-00000000000b"
)

// clouds is a process with a cloud of five machines of ours in three regions and one of somebody else.
type clouds struct {
	*clitest.Process
	*fake.Cloud
	now time.Time
}

func newClouds(t *testing.T) *clouds {
	t.Helper()
	c := &clouds{now: time.Date(2026, 7, 22, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return c.now }
	c.Cloud = fake.New(clock, fake.Shape{Regions: []string{"r1", "r2", "r3"}, Prices: map[string]core.Micros{"c8g.medium": 39_880},
		Lag: 10 * time.Second, Fate: func(w provider.Want) fake.Fate { return fake.Fate{KeepsDisk: w.Token == "m2"} }})
	for _, m := range []struct{ token, owner, sweep, region string }{{"m1", ours, nightly, "r1"}, {"m2", ours, nightly, "r1"},
		{"m3", ours, weekly, "r2"}, {"m4", ours, weekly, "r3"}, {"m5", ours, nightly, "r3"}, {"x", "installation-2", nightly, "r3"}} {
		if _, err := c.Create(t.Context(), provider.Want{Token: m.token, Owner: m.owner, Sweep: m.sweep, Region: m.region,
			Type: "c8g.medium", TTL: 10 * time.Hour, Expires: c.now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	c.now = c.now.Add(time.Minute)
	open := func(fleet, string) ([]provider.Provider, error) { return []provider.Provider{c.Cloud}, nil }
	pause := func(_ context.Context, d time.Duration) error {
		c.now = c.now.Add(d)
		return nil
	}
	c.Process = clitest.New(cli.Commands{{Name: "sweep", Make: func(env *cli.Env) *cobra.Command {
		return cli.Family("sweep", "Sweeps", nukeCommand(env, open, pause), doctorCommand(env, open))
	}}})
	c.Process.Env.Now = clock
	c.Vars["TACHO_OWNER"], c.Vars["TACHO_MACHINES"] = ours, t.TempDir()
	return c
}

func (c *clouds) left() (tokens string) {
	for _, l := range c.Live() {
		tokens += l.Token + " "
	}
	return strings.TrimSpace(tokens)
}

// said is how a command line ended: its code and all that it said.
func (c *clouds) said(t *testing.T, stdin string, args ...string) (int, string) {
	t.Helper()
	c.Stdin = strings.NewReader(stdin)
	code := c.Tacho(t, append([]string{"sweep"}, args...)...)
	return code, c.OutText.String() + c.ErrText.String()
}

func TestNukeRemovesExactlyWhatIsOurs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, stdin string
		args        []string
		code        int
		left        string
		says        []string
	}{
		{"what is it about", "", []string{"nuke"}, 2, "m1 m2 m3 m4 m5 x", []string{"name a sweep, or --all, or --expired"}},
		{"a dry run", "", []string{"nuke", "--all", "--dry-run"}, 0, "m1 m2 m3 m4 m5 x", []string{"machine  i-0001", "fake r1", "disk"}},
		{"nobody agrees", "", []string{"nuke", "--all"}, 5, "m1 m2 m3 m4 m5 x", []string{"Type the number of machines (5)",
			"nobody has agreed"}},
		{"another number", "4\n", []string{"nuke", "--all"}, 5, "m1 m2 m3 m4 m5 x", []string{`"4" is not 5: nothing was removed`}},
		{"the number", "5\n", []string{"nuke", "--all"}, 0, "x", []string{"nothing of installation installation-1 is left with fake: two " +
			"lists in a row are empty"}},
		{"a script", "", []string{"nuke", "--all", "--yes"}, 0, "x", nil},
		{"one sweep", "", []string{"nuke", weekly, "--yes"}, 0, "m1 m2 m5 x", nil},
		{"one region", "", []string{"nuke", "--all", "--region", "r3", "--yes"}, 0, "m1 m2 m3 x", []string{"in r3"}},
		{"nothing has expired", "", []string{"nuke", "--expired", "--yes"}, 0, "m1 m2 m3 m4 m5 x", []string{
			"nothing past its time of installation installation-1 was found with fake"}},
		{"another owner", "", []string{"nuke", "--all", "--owner", "installation-3"}, 0, "m1 m2 m3 m4 m5 x", []string{
			"nothing of installation installation-3 was found with fake"}},
		{"as JSON", "", []string{"nuke", nightly, "--dry-run", "--json"}, 0, "m1 m2 m3 m4 m5 x", []string{`"machine": "m5"`,
			`"region": "r3"`, `"kind": "disk"`}},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			w := newClouds(t)
			code, said := w.said(t, c.stdin, c.args...)
			if code != c.code || w.left() != c.left {
				t.Errorf("exit code %d, want %d; left %q, want %q\n%s", code, c.code, w.left(), c.left, said)
			}
			for _, text := range c.says {
				if !strings.Contains(said, text) {
					t.Errorf("it does not say %q:\n%s", text, said)
				}
			}
		})
	}
}

func TestWhatHasExpiredGoesWithoutAsking(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.now = c.now.Add(2 * time.Hour)
	if code, said := c.said(t, "", "nuke", "--expired", "--yes"); code != 0 || c.left() != "x" {
		t.Errorf("exit code %d, left %q\n%s", code, c.left(), said)
	}
}

// What cannot be seen or removed is said by name, with a code of its own.
func TestWhatIsLeftIsNamed(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	c.Break(fake.Fault{Op: fake.List, Region: "r2", Class: provider.Auth})
	if code, said := c.said(t, "", "nuke", "--all", "--dry-run"); code != 8 || !strings.Contains(said, "fake r2 could not be listed") {
		t.Errorf("a dry run that sees not all: exit code %d\n%s", code, said)
	}
	if code, said := c.said(t, "", "nuke", "--all", "--yes"); code != 8 || c.left() != "m3 x" ||
		!strings.Contains(said, "something may still run. fake: region r2 could not be listed") {
		t.Errorf("a region cannot be listed: exit code %d, left %q\n%s", code, c.left(), said)
	}
	c.Mend()
	c.Break(fake.Fault{Op: fake.Destroy, Class: provider.Unavailable})
	code, said := c.said(t, "", "nuke", "--all", "--yes")
	if code != 8 || c.left() != "m3 x" || !strings.Contains(said, "machine i-0003 in r2") {
		t.Errorf("one cannot be removed: exit code %d, left %q\n%s", code, c.left(), said)
	}
}

func TestDoctorSaysWhatCannotBeListed(t *testing.T) {
	t.Parallel()
	c := newClouds(t)
	if code, said := c.said(t, "", "doctor"); code != 0 || !strings.Contains(said, "5 machines of ours in 3 regions") {
		t.Errorf("exit code %d\n%s", code, said)
	}
	c.Break(fake.Fault{Op: fake.List, Region: "r2", Class: provider.Auth})
	if code, said := c.said(t, "", "doctor"); code != 10 || !strings.Contains(said, `region "r2" cannot be listed: auth`) {
		t.Errorf("exit code %d\n%s", code, said)
	}
}

// The owner is the server that a command line would talk to, which is not asked; a flag or a variable names another.
func TestWhoseMachinesAreMeant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ flag, variable, host, want string }{
		{"", "", "https://Bench.example.org/", "bench.example.org"}, {"", "", "", "this-machine"}, {"", "", "local", "this-machine"},
		{"", "them", "https://bench.example.org", "them"}, {"us", "them", "https://bench.example.org", "us"}, {"a\nb", "", "", ""},
	} {
		p := clitest.New(nil)
		p.Vars["TACHO_MACHINES"], p.Vars["TACHO_HOST"], p.Vars["TACHO_OWNER"] = t.TempDir(), c.host, c.variable
		f := ownerFlag{owner: c.flag}
		if got, err := f.fleet(&p.Env); (err == nil) != (c.want != "") || err == nil && got.owner != c.want {
			t.Errorf("%+v: %q, %v", c, got.owner, err)
		}
	}
}

// Machines that belong to somebody else are let go, and nothing is done to them.
func TestNukeLetsStaticMachinesGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := clitest.New(cli.Commands{{Name: "sweep", Make: Command}})
	p.Vars["TACHO_OWNER"], p.Vars["TACHO_MACHINES"] = ours, dir
	p.Env.Now = time.Now
	open := func() *static.Provider {
		s, err := static.New(static.Config{Dir: filepath.Join(dir, "static"), Out: &strings.Builder{},
			Line: func(provider.Want) string { return "" }})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if _, err := open().Create(t.Context(), provider.Want{Token: "m1", Owner: ours, Sweep: nightly, Type: "laptop", TTL: time.Hour,
		Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	code := p.Tacho(t, "sweep", "nuke", nightly, "--yes")
	left, _, err := open().List(t.Context(), "", provider.Filter{Owner: ours})
	if code != 0 || err != nil || len(left) != 1 || left[0].State != provider.Ended || !strings.Contains(p.OutText.String(), "laptop") {
		t.Errorf("exit code %d, %+v, %v\n%s%s", code, left, err, p.OutText.String(), p.ErrText.String())
	}
}

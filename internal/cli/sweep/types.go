package sweep

import (
	"cmp"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/cli"
	"github.com/tachograph/tacho/internal/cli/term"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/policy"
	"github.com/tachograph/tacho/internal/core/sweep"
)

// offered is a type of machine for programs.
type offered struct {
	Provider string `json:"provider"`
	Type     string `json:"type"`
	Region   string `json:"region,omitempty"`
	Arch     string `json:"arch,omitempty"`
	VCPUs    int    `json:"vcpus,omitempty"`
	Cores    int    `json:"cores,omitempty"`
	PerHour  int64  `json:"per_hour_micros"`
	Source   string `json:"source"`
	Date     string `json:"date,omitempty"`
}

func newTypes(env *cli.Env) *cobra.Command {
	var prices []string
	var region string
	var asJSON bool
	cmd := cli.Leaf("types PROVIDER [PATTERN]", "List types of machines with their prices", cli.ExitsLocal,
		func(cmd *cobra.Command, args []string) error {
			pattern := policy.Pattern{Text: "*"}
			if len(args) == 2 {
				pattern.Text = args[1]
			}
			found, err := typesOf(env, cmd, args[0], pattern, region, prices)
			if err != nil {
				return err
			}
			if asJSON {
				return cli.PrintJSON(env.Stdout, found)
			}
			t := term.Table{Titles: []string{"type", "region", "arch", "vcpus", "cores", "$/hour", "price"},
				Right: []bool{false, false, false, true, true, true, false}}
			for _, o := range found {
				t.Add(term.Text(o.Type), term.Text(o.Region), term.Text(o.Arch), term.Text(number(o.VCPUs)), term.Text(number(o.Cores)),
					term.Text(sweep.Micros(o.PerHour).String()[1:]), term.Text(strings.TrimSpace(o.Source+" "+o.Date)))
			}
			return t.Write(env.Out())
		})
	cmd.Args = cobra.RangeArgs(1, 2)
	cmd.Long = `List types of machines with CPUs and the price of an hour on demand: what price sheets say of a cloud, or what a provider
of this machine has. Nothing is asked over the network; 'tacho sweep plan' says what a price includes.`
	cmd.Example = "  tacho sweep types aws 'c8*'\n  tacho sweep types local"
	v := cmd.Flags()
	v.StringArrayVar(&prices, "prices", nil, "price sheet of your own, a CSV `file`; it goes before the one built in")
	v.StringVar(&region, "region", "", "only prices of this region")
	v.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// typesOf are the types of a provider that match, by the first sheet that has them, or else as the provider lists them.
func typesOf(env *cli.Env, cmd *cobra.Command, name string, pattern policy.Pattern, region string, prices []string) (
	[]offered, error) {
	if !sweep.KnownProvider(name) {
		return nil, cli.Usage("provider %.40q is not known", name)
	}
	out, seen := []offered{}, map[[2]string]bool{}
	sheets, err := readSheets(env, prices)
	if err != nil {
		return nil, err
	}
	for _, sheet := range sheets {
		for _, typ := range sheet.Types(name) {
			if !pattern.Matches(typ) {
				continue
			}
			for _, at := range sheet.Elsewhere(name, typ) {
				o, ok := sheet.Find(name, at, typ)
				key := [2]string{typ, at}
				if !ok || seen[key] || region != "" && at != region && at != "" {
					continue
				}
				seen[key] = true
				out = append(out, offered{Provider: name, Type: typ, Region: at, Arch: o.Arch, VCPUs: o.VCPUs, Cores: o.Cores,
					PerHour: int64(o.PerHour), Source: sheet.Source, Date: o.Date})
			}
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	p, err := fleet{dir: machineFolder(env)}.open(name)
	if err != nil {
		return out, nil // it is known by sheets alone
	}
	types, err := p.Types(cmd.Context(), "")
	if err != nil {
		return nil, err
	}
	for _, t := range types {
		price, err := p.Price(cmd.Context(), "", t.Name, sweep.OnDemand)
		if err != nil {
			return nil, err
		}
		if pattern.Matches(t.Name) {
			out = append(out, offered{Provider: name, Type: t.Name, Arch: t.Arch, VCPUs: t.VCPUs, Cores: t.Cores, PerHour: int64(price.PerHour),
				Source: cmp.Or(price.Source, "provider"), Date: price.Date})
		}
	}
	return out, nil
}

// readSheets are price sheets of the user's own, and the one built in behind them.
func readSheets(env *cli.Env, names []string) (sheets []*sweep.Sheet, err error) {
	for _, name := range names {
		text, err := readText(env, name, limits.SheetBytes)
		if err != nil {
			return nil, err
		}
		sheet, err := sweep.ParseSheet(text, filepath.Base(name))
		if err != nil {
			return nil, cli.Usage("%s: %s", name, fault.Message(err))
		}
		sheets = append(sheets, sheet)
	}
	return append(sheets, sweep.Embedded()), nil
}

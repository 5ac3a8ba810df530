package adapter

import (
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
)

// Name is an adapter's name as it stands on the wire.
type Name string

// The adapters.
const (
	Magic     Name = "magic"
	JSON      Name = "json"
	GoBench   Name = "go_bench"
	Hyperfine Name = "shell_hyperfine"
)

// Names lists all adapters, magic first.
func Names() []Name {
	out := []Name{Magic}
	for _, t := range tools {
		out = append(out, t.name)
	}
	return out
}

// Languages lists the names that stand for all tools of a language.
func Languages() []Name {
	var out []Name
	for _, l := range languages {
		out = append(out, l.name)
	}
	return out
}

// ToolsOf lists the adapters that a name stands for: of a language its tools, of magic all; unknown: none.
func ToolsOf(name Name) (out []Name) {
	if set := setOf[name]; set != nil {
		for _, t := range set.tools {
			out = append(out, t.name)
		}
	}
	return out
}

// ParseName reads an adapter's name; the empty text is magic, and a language's name is taken as it is. An unknown name is an Invalid
// fault that lists the known ones, and says which one
// is near.
func ParseName(s string) (Name, error) {
	if s == "" {
		return Magic, nil
	}
	if slices.Contains(Names(), Name(s)) {
		return Name(s), nil
	}
	for _, t := range tools {
		if slices.Contains(t.aliases, Name(s)) {
			return t.name, nil
		}
	}
	if slices.Contains(Languages(), Name(s)) {
		return Name(s), nil
	}
	var known []string
	nearest, best := "", min(3, len(s)/2+1) // two wrong letters are a slip, three are another word
	for _, n := range Names() {
		known = append(known, string(n))
		if d := ident.Slips(s, string(n)); d < best {
			nearest, best = string(n), d
		}
	}
	if nearest == "" && len(s) > 1 {
		for _, n := range known { // "hyperfine", "go"
			if slices.Contains(strings.Split(n, "_"), strings.ToLower(s)) {
				nearest = n
			}
		}
	}
	hint := ""
	if nearest != "" {
		hint = "did you mean " + nearest + "? "
	}
	return "", fault.Invalidf("adapter %.80q is not known; %sthere are %s; or, for all tools of a language, %s",
		s, hint, strings.Join(known, ", "), joined(Languages()))
}

func joined(names []Name) string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = string(n)
	}
	return strings.Join(texts, ", ")
}

// Options say how a tool's numbers are read.
type Options struct {
	Average Average
	Mapping string // of the adapters csv and json_map: where names and values stand
}

// CheckMapping returns an Invalid fault for a mapping that is none, or that the adapter does not take. The empty one is good.
func CheckMapping(name Name, text string) error {
	if text == "" {
		return nil
	}
	if set := setOf[name]; set != nil && name != Magic && name != "" {
		if !set.tools[0].maps {
			return fault.Invalidf("a mapping is for the adapters csv and json_map, not for %s", name)
		}
	}
	_, err := parseMapping(text)
	return err
}

// Average is the central value to take where a tool gives several, or samples.
type Average string

// The averages; empty is the adapter's own choice.
const (
	AverageDefault Average = ""
	AverageMean    Average = "mean"
	AverageMedian  Average = "median"
)

// ParseAverage reads an average; another text than the three is an Invalid fault.
func ParseAverage(s string) (Average, error) {
	switch a := Average(s); a {
	case AverageDefault, AverageMean, AverageMedian:
		return a, nil
	}
	return "", fault.Invalidf("average %.40q: want mean or median", s)
}

package adapter

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
)

// choose returns the named tool, or for magic the one that scores highest. Two that score the same are ambiguous: an Invalid fault, not a guess.
func choose(from []tool, name Name, input []byte) (tool, error) {
	if name != Magic && name != "" {
		for _, t := range from {
			if t.name == name {
				return t, nil
			}
		}
		_, err := ParseName(string(name))
		return tool{}, err
	}
	var best, rival tool
	top, reason, rivals := 0, "", ""
	for _, t := range from {
		score, why := t.score(input)
		switch {
		case score > top:
			best, top, reason, rival = t, score, why, tool{}
		case score == top && score > 0:
			rival, rivals = t, why
		}
	}
	switch {
	case top == 0:
		var about []string
		for _, t := range from {
			about = append(about, fmt.Sprintf("%s (%s)", t.name, t.about))
		}
		return tool{}, fault.Invalidf("the output was not recognised; looked for %s. It begins %s. If you know the format, name it with --adapter",
			strings.Join(about, ", "), beginning(input))
	case rival.name != "":
		return tool{}, fault.Invalidf("the output could be %s (%s) or %s (%s); name one with --adapter. It begins %s",
			best.name, reason, rival.name, rivals, beginning(input))
	}
	return best, nil
}

// beginning is the first line with something on it, shortened and quoted, so that control characters are seen and do nothing.
func beginning(input []byte) string {
	const shown = 60
	for line := range strings.Lines(string(input[:min(len(input), 4096)])) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if short := shorten(line, shown); short != line {
			return strconv.Quote(strings.TrimSuffix(short, "…")) + "…"
		}
		return strconv.Quote(line)
	}
	return "with nothing"
}

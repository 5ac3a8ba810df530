package adapter

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
)

// choose returns the named tool, or for magic the one that scores highest. Two that score the same are ambiguous: an error, not a guess.
func choose(name Name, input []byte) (tool, string, error) {
	if name != Magic && name != "" {
		for _, t := range tools {
			if t.name == name {
				return t, "", nil
			}
		}
		_, err := ParseName(string(name))
		return tool{}, "", err
	}
	var best tool
	var reason string
	top, second := 0, ""
	for _, t := range tools {
		score, why := t.score(input)
		switch {
		case score > top:
			best, reason, top, second = t, why, score, ""
		case score == top && score > 0:
			second = string(t.name)
		}
	}
	if top == 0 {
		var about []string
		for _, t := range tools {
			about = append(about, fmt.Sprintf("%s (%s)", t.name, t.about))
		}
		return tool{}, "", fault.Invalidf("the output was not recognised; looked for %s. It begins %s. If you know the format, name it with --adapter", strings.Join(about, ", "), beginning(input))
	}
	if second != "" {
		return tool{}, "", fault.Invalidf("the output could be %s or %s; name one with --adapter", best.name, second)
	}
	return best, reason, nil
}

// beginning is the first line with something on it, shortened and quoted.
func beginning(input []byte) string {
	const shown = 60
	for line := range strings.Lines(string(input[:min(len(input), 4096)])) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if len(line) > shown {
			line = strings.ToValidUTF8(line[:shown], "") + "…"
		}
		return strconv.Quote(line)
	}
	return "with nothing"
}

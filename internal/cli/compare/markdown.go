package compare

import (
	"fmt"
	"strings"

	"github.com/tachograph/tacho/internal/core/judge"
)

// markdown is the comparison for a comment: a line, a table and its footnotes.
func (v *view) markdown(all bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** — old %s, new %s (%s)\n\n", escape(v.summary()), escape(listed(v.before)), escape(listed(v.after)),
		escape(v.tool))
	if v.prefix != "" {
		fmt.Fprintf(&b, "in `%s`\n\n", strings.ReplaceAll(v.prefix, "`", "'"))
	}
	lines, cut := v.shown(all)
	titles, rule := []string{"benchmark"}, []string{"---"}
	for _, i := range v.wide() {
		titles = append(titles, escape(v.columns[i].name)+" old", "new", "change")
		rule = append(rule, "---:", "---:", "---")
		if !v.columns[i].exact {
			titles, rule = append(titles, "test", "could see"), append(rule, "---", "---")
		}
	}
	row := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	row(titles)
	row(rule)
	for _, l := range lines {
		cells := []string{escape(l.short)}
		for _, i := range v.wide() {
			c := v.cell(l.rows[i])
			text := escape(c.change)
			if c.verdict == judge.Worse || c.verdict == judge.Better || c.verdict == judge.Different {
				text = "**" + text + "** " + string(c.verdict)
			}
			cells = append(cells, escape(c.old), escape(c.new), text)
			if !v.columns[i].exact {
				cells = append(cells, escape(c.test), escape(c.visible))
			}
		}
		row(cells)
	}
	cells, several := []string{"geomean"}, false
	for _, i := range v.wide() {
		text, n := v.columns[i].geomeanText()
		several = several || v.columns[i].geomean.Benchmarks > 1
		cells = append(cells, "", "", escape(text))
		if !v.columns[i].exact {
			cells = append(cells, n, "")
		}
	}
	if several {
		row(cells)
	}
	if cut > 0 {
		fmt.Fprintf(&b, "\n… and %d more without a change\n", cut)
	}
	for i, note := range v.footnotes() {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "- %s\n", escape(note))
	}
	return b.String()
}

var escapes = strings.NewReplacer(`\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "<", "&lt;", "~", `\~`, "[", `\[`, "]", `\]`,
	"\n", " ", "\r", " ")

// escape is text that Markdown prints as it is.
func escape(text string) string { return escapes.Replace(text) }

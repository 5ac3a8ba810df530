package read

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parameter is a part of a benchmark's identity. A value may come without a name.
type Parameter struct{ Name, Value string }

// OneLine is text as it may stand in a name: without the blanks around it, and with one for each line end or tab and the blanks around
// those. Blanks between words are the name's: two benchmarks may differ in them.
func OneLine(text string) string {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= utf8.RuneSelf || c == ' ' && (i == 0 || i == len(text)-1) {
			return severalLines(text)
		}
	}
	return text // as almost all are
}

func severalLines(text string) string {
	text = strings.TrimSpace(text)
	breaks := func(r rune) bool { return unicode.IsSpace(r) && unicode.IsControl(r) }
	if !strings.ContainsFunc(text, breaks) {
		return text
	}
	var out strings.Builder
	for part := range strings.FieldsFuncSeq(text, breaks) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if out.Len() > 0 {
			out.WriteByte(' ')
		}
		out.WriteString(part)
	}
	return out.String()
}

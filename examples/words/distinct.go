package words

import "strings"

// Distinct returns how many different words the text has.
func Distinct(text string) int {
	seen := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		seen[word] = true
	}
	return len(seen)
}

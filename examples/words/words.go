// Package words is the demo's subject: three small functions over a text and their benchmarks.
//
// The demo builds its test binary into an image, lets it run until thresholds have a history, then replaces distinct.go by
// slower/distinct.go.txt, which gives the same answers with a worse algorithm, and watches the regression being caught.
package words

import "strings"

// Longest returns the longest word, the first one of several.
func Longest(text string) string {
	longest := ""
	for word := range strings.FieldsSeq(text) {
		if len(word) > len(longest) {
			longest = word
		}
	}
	return longest
}

// Reverse returns the words in opposite order.
func Reverse(text string) string {
	words := strings.Fields(text)
	for i, j := 0, len(words)-1; i < j; i, j = i+1, j-1 {
		words[i], words[j] = words[j], words[i]
	}
	return strings.Join(words, " ")
}

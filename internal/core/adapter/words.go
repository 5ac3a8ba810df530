package adapter

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Words of lines. The functions of package bytes make a set of the bytes to trim at each call, and a slice of words: for lines of a few
// words that costs more than the rest of reading them.

// nextWord parts the first word from the rest, at spaces and tabs.
func nextWord(text []byte) (word, rest []byte) {
	begin := 0
	for begin < len(text) && (text[begin] == ' ' || text[begin] == '\t') {
		begin++
	}
	end := begin
	for end < len(text) && text[end] != ' ' && text[end] != '\t' {
		end++
	}
	return text[begin:end], text[end:]
}

// trimIndent is the text without the spaces and tabs that it begins with.
func trimIndent(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\t') {
		text = text[1:]
	}
	return text
}

// trimEnd is the text without the spaces and tabs that it ends with.
func trimEnd(text []byte) []byte {
	for n := len(text); n > 0 && (text[n-1] == ' ' || text[n-1] == '\t'); n = len(text) {
		text = text[:n-1]
	}
	return text
}

// fields appends the words of the text, as bytes.Fields has them.
func fields(to [][]byte, text []byte) [][]byte {
	had := len(to)
	for at := 0; ; {
		for at < len(text) && isBlank(text[at]) {
			at++
		}
		begin := at
		for at < len(text) && !isBlank(text[at]) {
			if text[at] >= utf8.RuneSelf { // there are blanks beyond ASCII
				return append(to[:had], bytes.Fields(text)...)
			}
			at++
		}
		if at == begin {
			return to
		}
		to = append(to, text[begin:at:at])
	}
}

// lastBlank is where the last space or tab stands; -1: there is none.
func lastBlank(text []byte) int {
	at := len(text) - 1
	for at >= 0 && text[at] != ' ' && text[at] != '\t' {
		at--
	}
	return at
}

// kept is the word as a string that the scanner keeps; without one it is made.
func kept(s *scanner, word []byte) string {
	if s == nil {
		return string(word)
	}
	return s.keep(word)
}

// textFields appends the words of the text, as strings.Fields has them.
func textFields(to []string, text string) []string {
	had := len(to)
	for at := 0; ; {
		for at < len(text) && isBlank(text[at]) {
			at++
		}
		begin := at
		for at < len(text) && !isBlank(text[at]) {
			if text[at] >= utf8.RuneSelf {
				return append(to[:had], strings.Fields(text)...)
			}
			at++
		}
		if at == begin {
			return to
		}
		to = append(to, text[begin:at])
	}
}

// cutAt appends the parts of the text between separators, as strings.Split has them.
func cutAt(to []string, text, separator string) []string {
	for {
		before, rest, found := strings.Cut(text, separator)
		to = append(to, before)
		if !found {
			return to
		}
		text = rest
	}
}

// isBlank reports whether a byte of ASCII is white space.
func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// hasPrefix is bytes.HasPrefix for a text that is not made bytes of.
func hasPrefix(line []byte, prefix string) bool {
	return len(line) >= len(prefix) && string(line[:len(prefix)]) == prefix
}

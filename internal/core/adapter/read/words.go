package read

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Words of lines. The functions of package bytes make a set of the bytes to trim at each call, and a slice of words: for lines of a few
// words that costs more than the rest of reading them.

// NextWord parts the first word from the rest, at spaces and tabs.
func NextWord(text []byte) (word, rest []byte) {
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

// TrimIndent is the text without the spaces and tabs that it begins with.
func TrimIndent(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\t') {
		text = text[1:]
	}
	return text
}

// TrimEnd is the text without the spaces and tabs that it ends with.
func TrimEnd(text []byte) []byte {
	for n := len(text); n > 0 && (text[n-1] == ' ' || text[n-1] == '\t'); n = len(text) {
		text = text[:n-1]
	}
	return text
}

// Words appends the words of the text, as bytes.Fields has them.
func Words(to [][]byte, text []byte) [][]byte {
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

// LastBlank is where the last space or tab stands; -1 if it has none.
func LastBlank(text []byte) int {
	at := len(text) - 1
	for at >= 0 && text[at] != ' ' && text[at] != '\t' {
		at--
	}
	return at
}

// Kept is the word as a string that the scanner keeps; without one it is made.
func Kept(s *Scanner, word []byte) string {
	if s == nil {
		return string(word)
	}
	return s.Keep(word)
}

// TextWords appends the words of the text, as strings.Fields has them.
func TextWords(to []string, text string) []string {
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

// Split appends the parts of the text between separators, as strings.Split has them.
func Split(to []string, text, separator string) []string {
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

// HasPrefix is bytes.HasPrefix for a text that is not made bytes of.
func HasPrefix(line []byte, prefix string) bool {
	return len(line) >= len(prefix) && string(line[:len(prefix)]) == prefix
}

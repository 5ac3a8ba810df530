package read

import (
	"bytes"
)

// CutEscapes is the line without what terminals read: colours and other control sequences (ECMA-48 CSI), and strings such as titles and
// Buildkite's time marks (OSC, APC, …) up to their end; and the choice of a character set, with which xterm ends colours. The first
// escape is at the place, in bytes. The result is a new slice.
func CutEscapes(line []byte, at int) []byte {
	out := append(make([]byte, 0, len(line)), line[:at]...)
	for line = line[at:]; ; {
		n := escapeLength(line)
		if n == 0 {
			out = append(out, line[0]) // what is no escape stays
			n = 1
		}
		line = line[n:]
		if at = bytes.IndexByte(line, 0x1b); at < 0 {
			return append(out, line...)
		}
		out = append(out, line[:at]...)
		line = line[at:]
	}
}

// escapeLength is how long the escape is with which the text begins; 0: it is none.
func escapeLength(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	switch c := text[1]; c {
	case '[':
		end := 2
		for end < len(text) && (IsDigit(text[end]) || text[end] == ';' || text[end] == '?') {
			end++
		}
		for end < len(text) && text[end] >= ' ' && text[end] <= '/' {
			end++
		}
		if end < len(text) && text[end] >= '@' && text[end] <= '~' {
			return end + 1
		}
		return 0
	case ']', '_', 'P', '^':
		for end := 2; end < len(text); end++ {
			if text[end] == 0x07 {
				return end + 1
			}
			if text[end] == 0x1b {
				if end+1 < len(text) && text[end+1] == '\\' {
					return end + 2
				}
				break
			}
		}
		return 2 // without an end only its beginning
	case '(', ')', '*', '+':
		if len(text) > 2 && (IsDigit(text[2]) || text[2]|0x20 >= 'a' && text[2]|0x20 <= 'z') {
			return 3
		}
		return 0
	default:
		if c >= '@' && c <= '_' || c == '=' || c == '>' {
			return 2
		}
		return 0
	}
}

// CleanLine takes off what the way through a CI system adds to a tool's line: the line end, what a later part of the line overwrites on a
// terminal, terminal escapes and a leading time stamp. The result may share the input's bytes.
func CleanLine(line []byte) []byte {
	if at := bytes.IndexByte(line, 0x1b); at >= 0 { // first, as a colour may end behind the line's end
		line = CutEscapes(line, at)
	}
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	if bytes.IndexByte(line, '\r') >= 0 { // a progress line, which what follows overwrites
		line = line[bytes.LastIndexByte(line, '\r')+1:]
	}
	return CutStamp(line)
}

// CutStamp takes off a time stamp as CI systems write it before each line: "2026-01-02T03:04:05.678Z ", in brackets or not, with an offset
// or not, and GitLab's stream mark "00O " or the byte order mark with which GitHub begins a step behind it.
func CutStamp(line []byte) []byte {
	if len(line) == 0 || line[0] != '[' && !IsDigit(line[0]) {
		return line
	}
	rest, bracket := bytes.CutPrefix(line, []byte("["))
	const seconds = "0000-00-00T00:00:00"
	if len(rest) < len(seconds) {
		return line
	}
	for i, want := range []byte(seconds) {
		switch got := rest[i]; {
		case want == '0' && IsDigit(got), want == 'T' && (got == 'T' || got == ' '), want == got && want != '0':
		default:
			return line
		}
	}
	rest = rest[len(seconds):]
	if len(rest) > 0 && (rest[0] == '.' || rest[0] == ',') {
		rest = bytes.TrimLeft(rest[1:], "0123456789")
	}
	if offset, utc := bytes.CutPrefix(rest, []byte("Z")); utc {
		rest = offset
	} else if len(rest) > 0 && (rest[0] == '+' || rest[0] == '-') {
		rest = bytes.TrimLeft(rest[1:], "0123456789:")
	}
	if bracket {
		if closed, ok := bytes.CutPrefix(rest, []byte("]")); ok {
			rest = closed
		}
	}
	if len(rest) == 0 {
		return rest
	}
	if rest[0] != ' ' && rest[0] != '\t' {
		return line
	}
	rest = rest[1:]
	if len(rest) > 3 && IsDigit(rest[0]) && IsDigit(rest[1]) && (rest[2] == 'O' || rest[2] == 'E') && (rest[3] == ' ' || rest[3] == '+') {
		rest = rest[4:]
	}
	return CutBOM(rest)
}

// IsDigit reports whether the byte is a digit of ASCII.
func IsDigit(c byte) bool { return c >= '0' && c <= '9' }

// IsDigits reports whether the word is digits only, and has at least one.
func IsDigits(word []byte) bool {
	for _, c := range word {
		if !IsDigit(c) {
			return false
		}
	}
	return len(word) > 0
}

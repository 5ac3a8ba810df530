package adapter

import (
	"bytes"
	"regexp"
)

// escapes are what terminals read: colours and other control sequences (ECMA-48 CSI), and strings such as titles and Buildkite's time marks
// (OSC, APC, …) up to their end; and the choice of a character set, with which xterm ends colours.
var escapes = regexp.MustCompile("\x1b\\[[0-9;?]*[ -/]*[@-~]|\x1b[\\]_P^][^\x07\x1b]*(?:\x07|\x1b\\\\)|\x1b[()*+][0-9A-Za-z]|\x1b[@-Z\\\\-_=>]")

// cleanLine takes off what the way through a CI system adds to a tool's line: the line end, what a later part of the line overwrites on a terminal, terminal escapes and a leading time stamp. The
// result may share the input's bytes.
func cleanLine(line []byte) []byte {
	if bytes.IndexByte(line, 0x1b) >= 0 { // first, as a colour may end behind the line's end
		line = escapes.ReplaceAll(line, nil)
	}
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	if bytes.IndexByte(line, '\r') >= 0 { // a progress line, which what follows overwrites
		line = line[bytes.LastIndexByte(line, '\r')+1:]
	}
	return cutStamp(line)
}

// cutStamp takes off a time stamp as CI systems write it before each line: "2026-01-02T03:04:05.678Z ", in brackets or not, with an offset or
// not, and GitLab's stream mark "00O " or the byte order mark with which GitHub begins a step behind it.
func cutStamp(line []byte) []byte {
	if len(line) == 0 || line[0] != '[' && !isDigit(line[0]) {
		return line
	}
	rest, bracket := bytes.CutPrefix(line, []byte("["))
	const seconds = "0000-00-00T00:00:00"
	if len(rest) < len(seconds) {
		return line
	}
	for i, want := range []byte(seconds) {
		switch got := rest[i]; {
		case want == '0' && isDigit(got), want == 'T' && (got == 'T' || got == ' '), want == got && want != '0':
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
	if len(rest) > 3 && isDigit(rest[0]) && isDigit(rest[1]) && (rest[2] == 'O' || rest[2] == 'E') && (rest[3] == ' ' || rest[3] == '+') {
		rest = rest[4:]
	}
	return cutBOM(rest)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

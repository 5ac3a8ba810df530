package read

import (
	"bytes"
	"strings"

	"github.com/tachograph/tacho/internal/core/limits"
)

// What collects the output of programs writes something before each line: the time, the service, the job and its step. A line of a tool
// could begin like that by chance, so that such a prefix is one only where several lines have it; what then has it not is left as it is.
// A prefix may have another one behind it: "web-1  | 10:00:00 text".
//
// Dates with a time, "2026-01-02T03:04:05.678Z ", are taken off any line (line.go): no name begins like that.

// Prefix is what stands before the lines of an input; nil: nothing.
type Prefix struct {
	layers []prefixLayer
	marks  bool // GitLab's stream marks, of which "00O+" says that the line goes on
}

// prefixLayer is one of the prefixes before a line.
type prefixLayer struct {
	kind   prefixKind
	blanks int // between it and the line
}

// prefixKind is a form of prefix.
type prefixKind int

const (
	prefixClock  prefixKind = iota // "10:00:00 ", "[10:00:00.123] ", TeamCity's "[10:00:00]W:	 "
	prefixDate                     // "2026/03/01 10:00:00.123456 ", as Go's log
	prefixSyslog                   // "Mar  1 10:00:00 "
	prefixHost                     // "host program[123]: " or "app[web.1]: ", behind a date
	prefixBar                      // "service-1  | "
	prefixTabs                     // "job	step	2026-03-01T10:00:00Z ", as gh run view --log
	prefixStep                     // "[Step 1/2] ", as TeamCity
	prefixStamp                    // a second date with a time, behind that of the log's log
	prefixKinds
)

const (
	prefixBytes  = 256 * limits.KiB // of an input that are looked at
	prefixLayers = 3                // more than any log has
	prefixNames  = 64               // services of one log
)

// FindPrefix looks at the first 256 KiB of an input for what stands before each line; nil: nothing. Each scanner that open gives begins at
// the input's beginning, and is freed here.
func FindPrefix(open func() *Scanner) *Prefix {
	s := open()
	var p Prefix
	var count prefixCount
	for s.Offset() < prefixBytes {
		raw, ok := s.rawLine()
		if !ok {
			break
		}
		if len(raw) > 0 && IsDigit(raw[0]) && !p.marks {
			_, p.marks = streamMark(raw)
		}
		if count.lines > 0 || mayHavePrefix(raw) {
			count.line(&p, raw)
		}
	}
	s.Free()
	for range prefixLayers {
		layer, ok := count.best()
		if !ok {
			break
		}
		p.layers = append(p.layers, layer)
		count = prefixCount{}
		s = open()
		for s.Offset() < prefixBytes {
			raw, ok := s.rawLine()
			if !ok {
				break
			}
			count.line(&p, raw)
		}
		s.Free()
	}
	if len(p.layers) == 0 && !p.marks {
		return nil
	}
	return &p
}

// Glance reports whether no line could begin with a prefix (bare), at the first of which it ends, and whether no document could begin on
// any line (unopened): a quick look at up to the first 256 KiB, as almost none does.
func Glance(in []byte) (bare, unopened bool) {
	in = in[:min(len(in), prefixBytes)]
	bars, tabs := bytes.IndexByte(in, '|') >= 0, bytes.IndexByte(in, '\t') >= 0
	unopened = true
	for len(in) > 0 {
		line := in
		if end := bytes.IndexByte(in, '\n'); end >= 0 {
			line = in[:end+1]
		}
		in = in[len(line):]
		begins := lineBegins[line[0]]
		if begins == byBlank {
			if text := TrimIndent(line); len(text) > 0 && lineBegins[text[0]]&byDocument != 0 {
				unopened = unopened && !OpensDocument(TrimIndent(CleanLine(line)))
			}
			continue
		}
		if begins&byDocument != 0 {
			unopened = unopened && !OpensDocument(TrimIndent(CleanLine(line)))
		}
		maybe := begins&byTime != 0
		if begins&byService != 0 && !maybe {
			maybe = tabs && bytes.IndexByte(line, '\t') > 0 || len(line) > 16 && line[3] == ' ' && line[9] == ':'
			if bars && !maybe {
				_, _, maybe = matchBar(line)
			}
		}
		if maybe && mayHavePrefix(line) {
			return false, false
		}
	}
	return true, unopened
}

// lineBegins tells of each byte what may begin with it.
var lineBegins = func() (begins [256]byte) {
	for c := range begins {
		if inService(byte(c)) {
			begins[c] |= byService
		}
		if IsDigit(byte(c)) || c == '[' || c == 0x1b {
			begins[c] |= byTime
		}
		if c == '{' || c == '[' || c == '<' || c == 0x1b {
			begins[c] |= byDocument
		}
		if c == ' ' || c == '\t' {
			begins[c] = byBlank
		}
	}
	return begins
}()

const (
	byService  byte = 1 << iota // a prefix with a name
	byTime                      // a prefix with a time or a bracket, or a colour before one
	byDocument                  // JSON or XML, or a colour before it
	byBlank                     // an indentation
)

// mayHavePrefix reports whether a line could begin with a prefix: a cheap look, as almost none does.
func mayHavePrefix(line []byte) bool {
	if len(line) == 0 {
		return false
	}
	if line[0] == 0x1b {
		line = CleanLine(line)
	}
	text := bytes.TrimPrefix(line, []byte("["))
	if len(text) > 5 && IsDigit(text[0]) && IsDigit(text[1]) && (text[2] == ':' || text[4] == '/' || text[4] == '-') { // a time or a date
		return true
	}
	if len(line) == 0 || !inService(line[0]) {
		return false
	}
	if len(line) > 16 && line[3] == ' ' && line[9] == ':' { // "Mar 01 10:00:00"
		return true
	}
	if first := bytes.IndexByte(line, '\t'); first > 0 {
		second := bytes.IndexByte(line[first+1:], '\t')
		if second > 0 && len(CutStamp(CutBOM(line[first+second+2:]))) < len(line)-first-second-2 {
			return true
		}
	}
	_, _, ok := matchBar(line)
	return ok
}

// Clean is the line as its tool wrote it; with a nil prefix it is CleanLine. The result may share the line's bytes.
func (p *Prefix) Clean(line []byte) []byte {
	line = CleanLine(line)
	if p == nil {
		return line
	}
	for _, l := range p.layers {
		if _, end, ok := l.kind.match(line); ok {
			line = CutStamp(cutBlanks(line[end:], l.blanks))
		}
	}
	return line
}

// cutBlanks takes up to n blanks off.
func cutBlanks(line []byte, n int) []byte {
	for ; n > 0 && len(line) > 0 && line[0] == ' '; n-- {
		line = line[1:]
	}
	return line
}

// prefixCount counts the lines that have a prefix, for each kind of them.
type prefixCount struct {
	lines int // that are not empty, since the first with any
	kinds [prefixKinds]struct {
		lines, since int // with it; at how many lines the first was
		blanks       int // the fewest behind it
		named        map[string]int
	}
}

// bare reports whether a line has no prefix of any kind, and nothing to be cleaned off: a quick look, as most have none.
func bare(raw []byte) bool {
	line := bytes.TrimRight(raw, "\r\n")
	if len(line) == 0 {
		return true
	}
	if c := line[0]; IsDigit(c) || c == '[' || len(line) > 9 && line[3] == ' ' && line[9] == ':' { // a time or a date, or in brackets
		return false
	}
	if bytes.IndexByte(line, 0x1b) >= 0 || bytes.IndexByte(line, '\r') >= 0 {
		return false
	}
	if _, _, ok := prefixTabs.match(line); ok {
		return false
	}
	_, _, ok := matchBar(line)
	return !ok
}

// line counts a line, without what stands before it and is known already.
func (c *prefixCount) line(p *Prefix, raw []byte) {
	if len(p.layers) == 0 && bare(raw) {
		if len(bytes.TrimSpace(raw)) > 0 {
			c.lines++
		}
		return
	}
	line := CleanLine(raw)
	dated := len(line) < len(raw) && len(CutStamp(bytes.TrimRight(raw, "\r\n"))) < len(bytes.TrimRight(raw, "\r\n"))
	for _, l := range p.layers {
		if _, end, ok := l.kind.match(line); ok {
			line = CutStamp(cutBlanks(line[end:], l.blanks))
			dated = dated || l.kind == prefixSyslog
		}
	}
	if len(bytes.TrimSpace(line)) == 0 || bytes.HasPrefix(line, []byte("[Pipeline] ")) { // which Jenkins writes without the time
		return
	}
	c.lines++
	for kind := range prefixKinds {
		if kind == prefixHost && !dated {
			continue
		}
		name, end, ok := kind.match(line)
		if !ok {
			continue
		}
		k := &c.kinds[kind]
		rest := line[end:]
		blanks := len(rest) - len(bytes.TrimLeft(rest, " "))
		if k.lines == 0 {
			k.since, k.blanks = c.lines-1, 2
		}
		if k.lines++; len(rest) > 0 {
			k.blanks = min(k.blanks, blanks)
		}
		if len(name) > 0 && len(k.named) < prefixNames {
			if k.named == nil {
				k.named = map[string]int{}
			}
			k.named[string(name)]++
		}
	}
}

// best is the prefix that most lines have, from the first that has it on.
func (c *prefixCount) best() (layer prefixLayer, ok bool) {
	most := 0
	for kind, k := range c.kinds {
		least := 2
		if prefixKind(kind) == prefixTabs { // in which there is a date
			least = 1
		}
		repeats := 2 * len(k.named) // services write more than a line, the first column of a table names each row
		if k.lines < max(least, repeats) || 2*k.lines < c.lines-k.since || k.lines <= most {
			continue
		}
		layer, most = prefixLayer{prefixKind(kind), min(k.blanks, 2)}, k.lines
		switch prefixKind(kind) {
		case prefixClock: // Jenkins writes two behind the time
		case prefixStamp: // the one behind it is taken off with it
			layer.blanks = 0
		default:
			layer.blanks = min(layer.blanks, 1)
		}
	}
	return layer, most > 0
}

// match reports whether the line has the prefix, where it ends, and of which service or program it is.
func (k prefixKind) match(line []byte) (name []byte, end int, ok bool) {
	switch k {
	case prefixClock:
		return matchClock(line)
	case prefixDate:
		const form = "0000/00/00 00:00:00"
		return nil, len(form) + fraction(line, len(form)), hasForm(line, form) && endsAt(line, len(form))
	case prefixSyslog:
		const form = "Mar 00 00:00:00"
		if len(line) < len(form) || !strings.Contains("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec ", string(line[:4])) {
			return nil, 0, false
		}
		day := line[4] == ' ' || IsDigit(line[4])
		return nil, len(form) + fraction(line, len(form)), day && IsDigit(line[5]) && hasForm(line[6:], form[6:]) && endsAt(line, len(form))
	case prefixHost:
		return matchHost(line)
	case prefixBar:
		return matchBar(line)
	case prefixTabs:
		first := bytes.IndexByte(line, '\t')
		if first <= 0 || first > 200 {
			return nil, 0, false
		}
		second := bytes.IndexByte(line[first+1:], '\t')
		if second <= 0 || second > 500 {
			return nil, 0, false
		}
		end = first + second + 2
		rest := CutBOM(line[end:])
		return nil, len(line) - len(rest), len(CutStamp(rest)) < len(rest)
	case prefixStamp:
		rest := CutStamp(line)
		return nil, len(line) - len(rest), len(rest) < len(line)
	case prefixStep:
		rest, ok := bytes.CutPrefix(line, []byte("[Step "))
		if !ok {
			return nil, 0, false
		}
		count, _, ok := bytes.Cut(rest, []byte("]"))
		i, n, both := bytes.Cut(count, []byte("/"))
		return nil, len("[Step ]") + len(count), ok && both && IsDigits(i) && IsDigits(n)
	}
	return nil, 0, false
}

// CutBOM is the text without the byte order mark that it may begin with.
func CutBOM(line []byte) []byte { return bytes.TrimPrefix(line, []byte("\ufeff")) }

// hasForm reports whether the line begins as the form, in which 0 is any digit.
func hasForm(line []byte, form string) bool {
	if len(line) < len(form) {
		return false
	}
	for i := range len(form) {
		if form[i] == '0' && !IsDigit(line[i]) || form[i] != '0' && form[i] != line[i] {
			return false
		}
	}
	return true
}

// fraction is how long the fraction of a second is.
func fraction(line []byte, at int) int {
	if at+1 >= len(line) || line[at] != '.' && line[at] != ',' || !IsDigit(line[at+1]) {
		return 0
	}
	end := at + 1
	for end < len(line) && IsDigit(line[end]) {
		end++
	}
	return end - at
}

// endsAt reports whether a time ends there, or behind its fraction.
func endsAt(line []byte, at int) bool {
	if len(line) < at {
		return false
	}
	at += fraction(line, at)
	return at == len(line) || line[at] == ' ' || line[at] == '\t'
}

func matchClock(line []byte) (name []byte, end int, ok bool) {
	const form = "00:00:00"
	if hasForm(line, form) {
		return nil, len(form) + fraction(line, len(form)), endsAt(line, len(form))
	}
	if len(line) == 0 || line[0] != '[' || !hasForm(line[1:], form) {
		return nil, 0, false
	}
	end = 1 + len(form) + fraction(line, 1+len(form))
	if end >= len(line) || line[end] != ']' {
		return nil, 0, false
	}
	end++
	if status := bytes.TrimLeft(line[end:], " "); len(status) > 1 { // TeamCity's, and then a tab
		if c := status[0] | 0x20; c >= 'a' && c <= 'z' && status[1] == ':' {
			status = status[1:]
		}
		if rest := bytes.TrimLeft(status[1:], "\t"); status[0] == ':' && (len(rest) < len(status)-1 || bytes.HasPrefix(rest, []byte(" "))) {
			return nil, len(line) - len(rest), true
		}
	}
	return nil, end, end == len(line) || line[end] == ' ' || line[end] == '\t' || line[end] == '['
}

func inService(c byte) bool {
	return IsDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '-' || c == '.' || c == '/' || c == '@' || c == ':'
}

func matchBar(line []byte) (name []byte, end int, ok bool) {
	for end < len(line) && lineBegins[line[end]]&byService != 0 {
		end++
	}
	name = line[:end]
	for end < len(line) && line[end] == ' ' {
		end++
	}
	if len(name) == 0 || end >= len(line) || line[end] != '|' {
		return nil, 0, false
	}
	end++
	return name, end, end == len(line) || line[end] == ' '
}

func matchHost(line []byte) (name []byte, end int, ok bool) {
	word := func() []byte {
		begin := end
		for end < len(line) && inService(line[end]) && line[end] != ':' {
			end++
		}
		return line[begin:end]
	}
	bracket := func() bool { // "[123]"
		if end >= len(line) || line[end] != '[' {
			return false
		}
		length := bytes.IndexByte(line[end:], ']')
		if length <= 1 || length > 64 {
			return false
		}
		end += length + 1
		return true
	}
	if len(word()) == 0 {
		return nil, 0, false
	}
	if !bracket() {
		if name = line[:end]; end >= len(line) || line[end] != ' ' {
			return nil, 0, false
		}
		if end++; len(word()) == 0 {
			return nil, 0, false
		}
		bracket()
	} else {
		name = line[:end]
	}
	if end >= len(line) || line[end] != ':' {
		return nil, 0, false
	}
	end++
	return name, end, end == len(line) || line[end] == ' '
}

// streamMark reports whether GitLab's mark of a stream stands behind the date, as "00O ", and whether it says that the line before goes on.
func streamMark(line []byte) (goesOn, ok bool) {
	const form = "0000-00-00T00:00:00"
	if !hasForm(line, form) {
		return false, false
	}
	rest := line[len(form)+fraction(line, len(form)):]
	rest, ok = bytes.CutPrefix(rest, []byte("Z "))
	ok = ok && len(rest) > 3 && IsDigit(rest[0]) && IsDigit(rest[1]) && (rest[2] == 'O' || rest[2] == 'E') &&
		(rest[3] == ' ' || rest[3] == '+')
	return ok && rest[3] == '+', ok
}

// ListBegins reports whether a list of JSON begins here, and not "[10:00:00]" or "[Pipeline]".
func (s *Scanner) ListBegins() bool {
	s.Ensure(64)
	rest := bytes.TrimLeft(s.in[s.at+1:min(len(s.in), s.at+64)], " \t\r\n")
	return len(rest) == 0 || bytes.IndexByte([]byte(`{["]`), rest[0]) >= 0
}

// OpensDocument reports whether the line could be the first of a document.
func OpensDocument(line []byte) bool {
	if len(line) == 0 {
		return false
	}
	next := TrimIndent(line[1:])
	switch line[0] {
	case '{':
		return len(next) == 0 || next[0] == '"'
	case '[':
		return len(next) == 0 || next[0] == '{' || next[0] == '['
	case '<':
		if len(next) == 0 || next[0] != '?' && (next[0]|0x20 < 'a' || next[0]|0x20 > 'z') {
			return false
		}
		tag, _, ended := bytes.Cut(next, []byte(">"))
		return !ended || bytes.IndexByte(tag, ' ') < 0 || bytes.IndexByte(tag, '=') >= 0 // "<not counted>" is none
	}
	return false
}

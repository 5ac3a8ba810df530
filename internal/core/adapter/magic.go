package adapter

import (
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// found is a tool whose output was recognised, and where.
type found struct {
	tool  *tool
	score int
	why   string
	at    place
	sign  int64 // where its first sure sign stands: what two tools see in one place is one tool's, and nobody knows whose
}

// Looking through an input that has no structure from its first byte.
const (
	lookChunk  = 64 * limits.KiB
	lookBeyond = 1 * limits.MiB   // how far it goes on after something was recognised, to see whether it is the only thing
	lookBeside = 256 * limits.KiB // how far it looks beside a table, which may be large
	lookSure   = 90               // the score from which on it is
	lookLikely = 50               // and from which on nobody may pass over it without a word
	lookBudget = 32 * limits.MiB  // of JSON and XML in a log that is looked at
	lookInLog  = 256 * limits.KiB // of one such document
)

// locate finds where the output of one of the tools begins. A document of JSON or XML and a table are recognised at the input's beginning
// by their signs; else, and beside a table, the lines are looked through for the tools' own, and for a document that begins on a line of
// its own, as in a CI log. What is nobody's is an empty list.
func (src source) locate(from *toolSet) []found {
	begin := place{offset: src.skipBOM()}
	all := src.structured(from, begin)
	if c := src.first(begin); len(all) > 0 && (len(from.tools) == 1 || c == '{' || c == '[' || c == '<') {
		return all
	}
	return src.search(from, all)
}

// skipBOM is the offset behind the byte order mark that Windows programs write.
func (src source) skipBOM() int64 {
	if src.r == nil {
		return int64(len(src.in) - len(read.CutBOM(src.in)))
	}
	s := src.look(place{})
	if s.Ensure(3); read.HasPrefix(s.Window(), "\ufeff") {
		return 3
	}
	return 0
}

// structured are the tools whose signs the structure at the place bears.
func (src source) structured(from *toolSet, at place) (all []found) {
	s := src.look(at)
	defer s.Free()
	var k sketch
	var in form
	named := len(from.tools) == 1 && !at.inLog // any of its signs will do
	c := s.Peek()
	if !at.inLog && (src.prefix != nil || isStamped(s)) {
		c = 'x' // of a log
	}
	switch c {
	case '{', '[':
		k, in = sketchJSON(s, from.marks(), named, func(k *sketch, score int) bool {
			for i := range k.tools() {
				if one, ok := k.best(jsonForm, i); ok && (one.score >= score || len(from.tools) == 1) {
					return true
				}
			}
			return false
		}), jsonForm
	case '<':
		k, in = sketchXML(s, from.marks(), func(k *sketch) bool {
			_, ok := k.best(xmlForm, 0)
			return ok && named
		}), xmlForm
	case 0:
		return nil
	default:
		if at.inLog {
			return nil
		}
		return header(from, at, s)
	}
	for i := range k.tools() {
		if one, ok := k.best(in, i); ok {
			all = append(all, found{&from.tools[i], one.score, one.why, at, at.offset})
		}
	}
	return all
}

// isStamped reports whether a line follows that a CI system's time stamp begins, which may be in brackets.
func isStamped(s *read.Scanner) bool {
	const enough = 64
	s.Ensure(enough)
	rest := s.Window()
	rest = rest[:min(len(rest), enough)]
	return len(read.CutStamp(rest)) < len(rest)
}

// headerLines is how far down a table's header may stand, below what the tool or a shell printed.
const headerLines = 50

// headerBytes are looked at once for what separates columns, as most texts have no more, and few of the separators.
const headerBytes = 8 * limits.KiB

// header are the tools whose columns one of the first lines has.
func header(from *toolSet, at place, s *read.Scanner) (all []found) {
	tree := from.marks()
	if len(tree.columns) == 0 {
		return nil
	}
	window := s.Window()
	ahead := window[:min(len(window), headerBytes)]
	commas := s.Ends() && len(ahead) == len(window) && bytes.IndexByte(ahead, '\t') < 0 && bytes.IndexByte(ahead, ';') < 0
	if commas && bytes.IndexByte(ahead, ',') < 0 {
		return nil // there are no columns
	}
	for range headerLines {
		sign := at.offset + s.Offset()
		line, ok := s.NextLine()
		if !ok {
			break
		}
		if bytes.IndexByte(line, ',') < 0 && (commas || bytes.IndexByte(line, '\t') < 0 && bytes.IndexByte(line, ';') < 0) {
			continue
		}
		k := sketchRow(line, tree)
		if !k.any {
			continue
		}
		for i := range k.tools() {
			if one, ok := k.best(csvForm, i); ok {
				all = append(all, found{&from.tools[i], one.score, one.why, at, sign})
			}
		}
		if len(all) > 0 {
			return all
		}
	}
	return nil
}

// search looks through the lines, for what stands beside the tables that were found already. It does not look for documents then: a table
// may have them in its fields.
func (src source) search(from *toolSet, tables []found) []found {
	all := tables
	begin := place{offset: src.skipBOM()}
	s := src.from(begin)
	defer s.Free()
	needles := from.needles()
	sure := 0 // how many are
	for _, f := range tables {
		if f.score >= lookSure {
			sure++
		}
	}
	of := func(t *tool) int { // its place in all, which is short
		for i := range all {
			if all[i].tool == t {
				return i
			}
		}
		return -1
	}
	take := func(f found) {
		if f.score >= lookSure {
			sure++
		}
		if i := of(f.tool); i < 0 {
			all = append(all, f)
		} else if f.score > all[i].score {
			all[i] = f
		}
	}
	offset, row, beyond, budget := begin.offset, 0, 0, lookBudget
	most := lookBeyond
	if len(tables) > 0 {
		most = lookBeside
	}
	for beyond < most {
		chunk := nextChunk(s)
		if len(chunk) == 0 {
			break
		}
		hit := func(tool, at int) {
			t := &from.tools[tool]
			if i := of(t); i >= 0 && all[i].score >= 100 || t.weak && sure > 0 {
				return
			}
			line := lineAt(chunk, at)
			if src.calm {
				line = read.CutStamp(line)
			} else {
				line = src.prefix.Clean(line)
			}
			if score := t.hit(line); score > 0 {
				take(found{t, score, t.trace, begin, offset + int64(lineStart(chunk, at))})
			}
		}
		switch strong := needles.strong; {
		case strong == nil:
			needles.scan(chunk, hit)
		case sure > 0:
			strong.scan(chunk, hit)
		default: // weak tools count only where there is no sure one, which mostly is there
			before := slices.Clone(all)
			if strong.scan(chunk, hit); sure == 0 {
				all = before // again, in the order of the lines
				needles.scan(chunk, hit)
			}
		}
		if len(from.tools) == 1 && len(all) > 0 && all[0].score >= 100 {
			break // there is nothing surer
		}
		if src.unopened {
			break // and this was all of it
		}
		for at := range src.openers(chunk) {
			if budget <= 0 || len(tables) > 0 {
				break
			}
			p := place{offset: offset + int64(at), row: row + bytes.Count(chunk[:at], []byte{'\n'}), inLog: true}
			budget -= min(lookInLog, int(src.size-p.offset))
			for _, f := range src.structured(from, p) {
				take(f)
			}
		}
		offset += int64(len(chunk))
		row += bytes.Count(chunk, []byte{'\n'})
		if len(from.tools) == 1 && len(all) > 0 && all[0].score >= 100 {
			break // there is nothing surer
		}
		if len(tables) > 0 || sure > 0 {
			beyond += len(chunk)
		}
	}
	return all
}

// nextChunk takes whole lines, many at once, off the input.
func nextChunk(s *read.Scanner) []byte {
	for {
		rest := s.Window()
		if len(rest) > lookChunk {
			rest = rest[:lookChunk]
		}
		if i := bytes.LastIndexByte(rest, '\n'); i >= 0 && (len(rest) == lookChunk || !s.Ends()) {
			rest = rest[:i+1]
		} else if len(rest) < lookChunk && s.More() {
			continue
		}
		s.Pass(len(rest))
		return rest
	}
}

// openers are the places in a chunk of the lines on which JSON or XML could begin. Such a line may be indented, as all of a log may be;
// what is
// farther in than an open document's first line is a part of it.
func (src source) openers(chunk []byte) iter.Seq[int] {
	return func(yield func(at int) bool) {
		within := -1 // how far in the first line of the open document is
		for at := 0; at < len(chunk); {
			end := bytes.IndexByte(chunk[at:], '\n')
			if end < 0 {
				end = len(chunk)
			} else {
				end += at + 1
			}
			first := at
			for first < end-1 && (chunk[first] == ' ' || chunk[first] == '\t') {
				first++
			}
			if c := chunk[first]; src.prefix != nil || c == '{' || c == '[' || c == '<' || c == 0x1b || read.IsDigit(c) || within >= first-at {
				line := src.prefix.Clean(chunk[at:end])
				text := read.TrimIndent(line)
				indent := len(line) - len(text)
				if within >= indent && len(text) > 0 {
					within = -1
				}
				if within < 0 && read.OpensDocument(text) {
					if !yield(at) {
						return
					}
					within = indent
				}
			}
			at = end
		}
	}
}

// choose returns the named tool and where its output begins, or for magic the one that is recognised most surely. Of a log of several
// tools each is read, in the order of the log: those that are surely recognised, if their signs stand apart; of two that see theirs in one
// place, the surer one. Otherwise two that score the same are ambiguous: an Invalid fault, not a guess.
//
// Unread are tools that the output also seems to be of, less surely. What is chosen is put into the room.
func choose(from *toolSet, src source, room []found) (chosen, unread []found, err error) {
	chosen = room[:0]
	if len(from.tools) == 1 {
		t, begin := &from.tools[0], place{offset: src.skipBOM()}
		if len(t.signs) > 0 && !t.lines && !src.unopened { // else nothing needs to be looked for
			if all := src.locate(from); len(all) > 0 {
				return append(chosen, all[0]), nil, nil
			}
		}
		return append(chosen, found{tool: t, at: begin}), nil, nil
	}
	all := src.locate(from)
	if len(all) == 0 {
		return nil, nil, unrecognised(from, src)
	}
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(b.score, a.score) })
	for _, f := range all {
		if len(chosen) > 0 && f.score < chosen[0].score && f.score < lookSure {
			if f.score >= lookLikely && !slices.ContainsFunc(chosen, func(other found) bool { return other.sign == f.sign || sameParser(other.tool, f.tool) }) {
				unread = append(unread, f)
			}
			continue
		}
		i := slices.IndexFunc(chosen, func(other found) bool { return other.sign == f.sign || sameParser(other.tool, f.tool) })
		if i >= 0 && chosen[i].score > f.score {
			continue
		}
		if i >= 0 || len(chosen) > 0 && f.score < lookSure {
			return nil, nil, fault.Invalidf("the output could be %s (%s) or %s (%s); name one with --adapter. It begins %s",
				chosen[0].tool.name, chosen[0].why, f.tool.name, f.why, beginning(src))
		}
		if f.tool.lines {
			f.at = place{offset: src.skipBOM()}
		}
		chosen = append(chosen, f)
	}
	slices.SortStableFunc(chosen, func(a, b found) int { return cmp.Compare(a.sign, b.sign) })
	return chosen, unread, nil
}

// sameParser reports whether one of the tools reads what the other reads too, as wrk2 does with wrk's output.
func sameParser(a, b *tool) bool {
	return a.parse != nil && b.parse != nil && reflect.ValueOf(a.parse).Pointer() == reflect.ValueOf(b.parse).Pointer()
}

// beginning is the first line with something on it, shortened and quoted, so that control characters are seen and do nothing.
func beginning(src source) string {
	s := src.look(place{})
	s.Ensure(4096)
	window := s.Window()
	for line := range strings.Lines(string(window[:min(len(window), 4096)])) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		return quoted(line)
	}
	return "with nothing"
}

// in is where the output stands, for people; empty: from the beginning.
func (p place) in() string {
	if p.row == 0 {
		return ""
	}
	return fmt.Sprintf(", from line %d on", p.row+1)
}

package adapter

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"iter"
	"math/bits"
	"slices"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/limits"
)

// form is how a structured output is written.
type form int

const (
	jsonForm form = iota // a document, or records one after the other
	xmlForm
	csvForm
)

// sign is a way to recognise a structured output: it is the tool's where all marks are found.
//
// A mark of JSON is the path of a member, "results[].command": [] stands for an element of an array, * for any name; "*[]" also for a
// list that
// has none, because it is the document. "reason=benchmark-complete"
// also asks for the text that stands there. A mark of XML is a path of elements from the root, "testsuites.testsuite.testcase", with .@name
// behind it for an attribute. A mark of CSV is the name of a column.
type sign struct {
	in    form
	marks []string
	score int    // how surely it is the tool's: 100 is surely, below 50 is what several tools could write
	why   string // what was recognised, for people
}

// What of an output is looked at: enough for a sign, and no more.
const (
	sketchBytes    = 1 * limits.MiB
	sketchKeys     = 64 // of an object
	sketchElements = 3  // of an array
	sketchRecords  = 20 // of documents one after the other
	sketchTokens   = 4096
	sketchDepth    = 12
	sketchText     = 40 // the longest text that is a mark

	sketchQuestions = 32 // whether that is enough
)

// sketch is what the beginning of a structured output shows: which marks of a markTree.
type sketch struct {
	of   *markTree
	seen [4]uint64 // by the mark's number
	near [2]uint64 // by the tool's place: those that have such a mark
	any  bool
	grew bool // there are marks about which nobody has asked yet
}

func (k *sketch) add(marks ...int) {
	for _, mark := range marks {
		k.seen[mark/64] |= 1 << (mark % 64)
		k.near[0] |= k.of.near[mark][0]
		k.near[1] |= k.of.near[mark][1]
		k.any, k.grew = true, true
	}
}

// tools are the places of the tools that have a mark of those that were seen.
func (k *sketch) tools() iter.Seq[int] {
	return func(yield func(int) bool) {
		for word, near := range k.near {
			for ; near != 0; near &= near - 1 {
				if !yield(64*word + bits.TrailingZeros64(near)) {
					return
				}
			}
		}
	}
}

// best is the highest sign of the i-th tool that the sketch bears.
func (k *sketch) best(in form, i int) (found sign, ok bool) {
	if !k.any {
		return found, false
	}
	signs := k.of.tools[i]
	best := -1
	for at := range signs { // by place: a sign is large
		one := &signs[at]
		if one.in == in && (best < 0 && one.score > 0 || best >= 0 && one.score > signs[best].score) && k.hasAll(one) {
			best = at
		}
	}
	if best < 0 {
		return found, false
	}
	return signs[best].sign, true
}

func (k *sketch) hasAll(one *numberedSign) bool {
	seen, want := &k.seen, &one.numbers
	return seen[0]&want[0] == want[0] && seen[1]&want[1] == want[1] && seen[2]&want[2] == want[2] && seen[3]&want[3] == want[3]
}

// markTree has the marks of some tools by the way to them, so that a document is compared with all of them while it is gone through: what
// no
// mark leads to is skipped, and nothing is kept.
type markTree struct {
	json, xml markNode
	columns   map[string][]int
	begins    [256]bool // the bytes with which a column's name begins
	tools     [][]numberedSign
	near      [256][2]uint64 // by the mark's number, the places of the tools that have it
	count     int            // of the marks
}

type numberedSign struct {
	sign
	numbers [4]uint64
}

// markNode is a place in a document.
type markNode struct {
	marks   []int // that are this place
	members []markMember
	named   map[string]*markNode // the same, where there are many
	any     *markNode            // of a member of any name
	element *markNode            // of an array
	texts   map[string][]int     // and those that are a text there
}

// fewMembers are looked at one by one, which is cheaper than a map.
const fewMembers = 8

type markMember struct {
	name string
	node *markNode
}

// newMarkTree numbers the marks of the tools.
func newMarkTree(from []tool) *markTree {
	t := &markTree{columns: map[string][]int{}, tools: make([][]numberedSign, len(from))}
	known := map[string]int{}
	for i, one := range from {
		for _, s := range one.signs {
			n := numberedSign{sign: s}
			for _, mark := range s.marks {
				key := string(rune('0'+s.in)) + mark
				number, isKnown := known[key]
				if !isKnown {
					number = t.count
					t.count++
					known[key] = number
					t.place(s.in, mark, number)
				}
				n.numbers[number/64] |= 1 << (number % 64)
				t.near[number][i/64] |= 1 << (i % 64) // there are fewer than 128
			}
			t.tools[i] = append(t.tools[i], n)
		}
	}
	return t
}

// place puts a mark where a document has it.
func (t *markTree) place(in form, mark string, number int) {
	if in == csvForm {
		t.columns[mark] = []int{number}
		t.begins[mark[0]] = true
		return
	}
	path, text, isText := strings.Cut(mark, "=")
	node := &t.json
	if in == xmlForm {
		node = &t.xml
	}
	parts := strings.Split(path, ".")
	put := func(node *markNode, parts []string) {
		for _, part := range parts {
			node = node.under(part)
		}
		if isText {
			if node.texts == nil {
				node.texts = map[string][]int{}
			}
			node.texts[text] = append(node.texts[text], number)
		} else {
			node.marks = append(node.marks, number)
		}
	}
	put(node, parts)
	if rest, ok := strings.CutPrefix(parts[0], "*[]"); ok { // the list may be the document itself
		put(node, append([]string{"[]" + rest}, parts[1:]...))
	}
}

// under finds or makes the place of a part of a mark: "name", "*", "name[]" or "[]".
func (n *markNode) under(part string) *markNode {
	name, lists := strings.CutSuffix(part, "[]")
	at := n
	switch i := slices.IndexFunc(n.members, func(m markMember) bool { return m.name == name }); {
	case name == "*":
		if n.any == nil {
			n.any = &markNode{}
		}
		at = n.any
	case i >= 0:
		at = n.members[i].node
	case name != "":
		at = &markNode{}
		n.members = append(n.members, markMember{name, at})
		if len(n.members) > fewMembers {
			n.named = map[string]*markNode{}
			for _, m := range n.members {
				n.named[m.name] = m.node
			}
		}
	}
	if !lists {
		return at
	}
	if at.element == nil {
		at.element = &markNode{}
	}
	return at.element
}

// empty reports whether no mark is below.
func (n *markNode) empty() bool { return len(n.members) == 0 && n.any == nil && n.element == nil }

// marked are the places of the tree that a place in a document is: several, as a mark may take any name.
type marked struct {
	nodes [8]*markNode
	n     int
}

func (m *marked) push(node *markNode) {
	if node != nil && m.n < len(m.nodes) {
		m.nodes[m.n] = node
		m.n++
	}
}

// member is where the member of that name is.
func (m *marked) member(key []byte) (to marked) {
	for _, node := range m.nodes[:m.n] {
		if node.named != nil {
			to.push(node.named[string(key)])
			to.push(node.any)
			continue
		}
		for i := range node.members {
			if node.members[i].name == string(key) {
				to.push(node.members[i].node)
				break
			}
		}
		to.push(node.any)
	}
	return to
}

// element is where the elements of the list are.
func (m *marked) element() (to marked) {
	for _, node := range m.nodes[:m.n] {
		to.push(node.element)
	}
	return to
}

func (k *sketch) arrive(at *marked) {
	for _, node := range at.nodes[:at.n] {
		k.add(node.marks...)
	}
}

// sketchJSON looks at the JSON that begins here. What is cut off or is none ends the look without an error: what was seen counts. It is
// empty where nothing that has a member begins.
//
// Enough is asked behind each document, as what follows may be another tool's, with the score that the marks must give; and where more
// elements of an array or members of an object follow than are looked at, as the rest may be long. It ends the look.
//
// With any sign it is asked at each mark, for who only wants to know whether it is the tool's.
func sketchJSON(s *read.Scanner, tree *markTree, anySign bool, enough func(k *sketch, score int) bool) sketch {
	l := look{sketch: sketch{of: tree}, s: s, anySign: anySign, enough: enough}
	if tree.json.empty() {
		return l.sketch
	}
	s.Loose = true // what a Python program writes is recognised, whoever reads it
	for range sketchRecords {
		if c := s.Peek(); c != '{' && c != '[' {
			break
		}
		if err := l.value(marked{nodes: [8]*markNode{&tree.json}, n: 1}, 0); err != nil || enough(&l.sketch, 50) {
			break
		}
	}
	return l.sketch
}

var errEnough = errors.New("enough was seen")

// look is a document that is being looked at.
type look struct {
	sketch
	s      *read.Scanner
	asked  int
	enough func(k *sketch, score int) bool

	anySign bool
}

// settled reports whether a mark that has just come was the last that was wanted.
func (l *look) settled() bool {
	if !l.anySign || !l.grew {
		return false
	}
	l.grew = false
	return l.enough(&l.sketch, 0)
}

func (l *look) stop() bool {
	l.asked++
	return l.asked <= sketchQuestions && l.enough(&l.sketch, 100)
}

func (l *look) value(at marked, depth int) error {
	s := l.s
	switch c := s.Peek(); {
	case depth >= sketchDepth || at.n == 0:
		return s.Skip()
	case c == '{':
		keys := 0
		return s.Object(func(key []byte) error {
			switch keys++; {
			case keys == sketchKeys+1 && l.stop():
				return errEnough
			case keys > sketchKeys:
				return s.Skip()
			}
			to := at.member(key)
			if l.arrive(&to); l.settled() {
				return errEnough
			}
			return l.value(to, depth+1)
		})
	case c == '[':
		elements := 0
		to := at.element()
		return s.Array(func() error {
			switch elements++; {
			case elements == sketchElements+1 && l.stop():
				return errEnough
			case elements > sketchElements:
				return s.Skip()
			}
			if l.arrive(&to); l.settled() {
				return errEnough
			}
			return l.value(to, depth+1)
		})
	case c == '"':
		word, err := s.Word()
		if err == nil && len(word) <= sketchText {
			for _, node := range at.nodes[:at.n] {
				l.add(node.texts[string(word)]...)
			}
		}
		if err == nil && l.settled() {
			err = errEnough
		}
		return err
	}
	return s.Skip()
}

// sketchXML looks at the document that begins here.
func sketchXML(s *read.Scanner, tree *markTree, enough func(k *sketch) bool) sketch {
	k := sketch{of: tree}
	if tree.xml.empty() {
		return k
	}
	d := s.Markup()
	path := []marked{{nodes: [8]*markNode{&tree.xml}, n: 1}}
	for range sketchTokens {
		token, err := d.Token()
		if err != nil {
			break
		}
		switch t := token.(type) {
		case xml.StartElement:
			if len(path) > sketchDepth {
				return k
			}
			at := path[len(path)-1].member([]byte(t.Name.Local))
			path = append(path, at)
			k.arrive(&at)
			for _, a := range t.Attr {
				if at.n == 0 {
					break
				}
				attribute := at.member([]byte("@" + a.Name.Local))
				k.arrive(&attribute)
			}
			if k.grew && enough(&k) {
				return k
			}
			k.grew = false
		case xml.EndElement:
			if path = path[:max(1, len(path)-1)]; len(path) == 1 {
				return k // another document may follow, of another tool
			}
		}
	}
	return k
}

// sketchRow looks at a line that may be the header of a table.
func sketchRow(line []byte, tree *markTree) sketch {
	k := sketch{of: tree}
	comma := read.Separator(line)
	if len(tree.columns) == 0 || bytes.IndexByte(line, comma) < 0 {
		return k
	}
	var room [32][]byte
	for _, column := range read.SplitRow(room[:0], line, comma) {
		if column = bytes.TrimSpace(column); len(column) > 0 && tree.begins[column[0]] {
			k.add(tree.columns[string(column)]...)
		}
	}
	return k
}

// source is an input that can be read from any of its bytes, as often as wanted.
type source struct {
	in   []byte
	r    io.ReaderAt // where in is nil
	size int64

	prefix *read.Prefix // before its lines
	calm   bool         // as the scanner's

	unopened bool // no document begins on any of its lines, nor at its beginning
}

// from is a scanner that begins at the place.
func (src source) from(p place) *read.Scanner {
	var s *read.Scanner
	if src.r == nil {
		s = read.Borrow(src.in[p.offset:])
	} else {
		s = read.NewScanner(io.NewSectionReader(src.r, p.offset, src.size-p.offset))
	}
	s.Begin(p.row, src.prefix, src.calm)
	return s
}

// look is a scanner that begins at the place and sees no more than a sketch needs.
func (src source) look(p place) *read.Scanner {
	end := min(src.size, p.offset+sketchBytes)
	var s *read.Scanner
	if src.r == nil {
		s = read.Borrow(src.in[p.offset:end:end])
	} else {
		s = read.NewScanner(io.NewSectionReader(src.r, p.offset, end-p.offset))
	}
	s.Begin(0, src.prefix, src.calm)
	if p.inLog {
		s = read.Cleaned(s)
	}
	return s
}

// findPrefix looks at the first lines for what stands before each; nil: nothing.
//
// It also notes in the source whether a document could begin on one of the lines: they are gone through once for both.
func (src *source) findPrefix() *read.Prefix {
	begin := place{offset: src.skipBOM()}
	switch c := src.first(begin); {
	case c == '{' || c == '<' || c == 0:
		return nil // a document
	case c == '[':
		s := src.look(begin)
		isList := s.Peek() == '[' && s.ListBegins()
		if s.Free(); isList {
			return nil
		}
	}
	if src.r == nil {
		bare, unopened := read.Glance(src.in[begin.offset:min(src.size, begin.offset+sketchBytes)])
		src.unopened = bare && unopened && src.size < lookChunk
		if bare {
			return nil
		}
	}
	return read.FindPrefix(func() *read.Scanner { return src.look(begin) })
}

// first is the first byte from the place on that is not space; 0: there is none.
func (src source) first(p place) byte {
	if src.r != nil {
		return src.look(p).Peek()
	}
	for _, c := range src.in[p.offset:min(src.size, p.offset+sketchBytes)] {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c
		}
	}
	return 0
}

// place is where a tool's output begins in an input.
type place struct {
	offset int64
	row    int  // lines before it
	inLog  bool // it is structured and stands in a log, whose lines may have time stamps
	nth    int  // of the tool's documents in the log; the first is 0
}

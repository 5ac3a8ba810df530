// Package strict reads the YAML files that people write for us, and JSON as a part of YAML, without guessing: an unknown key, a key that is
// there twice, a list where one value is wanted and everything else that a reader does not expect is a Mistake with line, column and a
// caret, and all mistakes of a file are told at once, up to ten.
//
// Anchors, aliases, tags and merge keys are not read, so that what is in a file is what a person sees. Numbers stay texts until a reader
// says what they are: an id of 18 digits loses none. Texts are bounded in bytes and depth before they are parsed, because the parser
// recurses.
//
// A reader of a format asks Parse for the node of the whole text and walks it with Each, List and Scalar. The package is pure.
package strict

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	deepest      = 12  // nested lists and maps
	mistakesTold = 10  // of one text
	mistakesKept = 500 // while it is read; the first ten by line are told
)

// Format is what a text is, for the sentences about it.
type Format struct {
	Name     string            // "policy"
	File     string            // what a file of it is called
	Bytes    int               // how long it may be
	TooLong  string            // the way out of a text that is too long; "" for none
	Needs    int               // how deep it is at most, if it is right
	Examples map[string]string // what to write, by the thing that should be a map
	Without  map[string]string // keys that others have and it has not: why, and what to write
}

// Node is a value in a text.
type Node = ast.Node

// Keys are those of a map, with what reads the value of each. The position is that of the key.
type Keys map[string]func(Position, Node)

// Reader is a text while it is read. It collects mistakes.
type Reader struct {
	format   Format
	source   string
	lines    []string
	mistakes []Mistake
	wrong    int // mistakes, also those that are not kept
}

// New begins to read a text.
func New(text []byte, format Format) *Reader {
	source := strings.TrimPrefix(string(text), "\ufeff") // which some editors put before it
	if strings.HasPrefix(strings.TrimLeft(source, " \t\r\n"), "{") {
		source = strings.ReplaceAll(source, "\t", " ") // JSON may be indented with tabs, YAML may not; columns stay
	}
	return &Reader{format: format, source: source, lines: strings.Split(source, "\n")}
}

// Wrong notes a mistake.
func (r *Reader) Wrong(at Position, form string, args ...any) {
	r.wrong++
	if len(r.mistakes) >= mistakesKept {
		return // what is told is there
	}
	at.Line = min(max(at.Line, 1), len(r.lines))
	text := strings.TrimSuffix(r.lines[at.Line-1], "\r")
	at.Column = min(max(at.Column, 1), utf8.RuneCountInString(text)+1)
	r.mistakes = append(r.mistakes, Mistake{At: at, Text: fmt.Sprintf(form, args...), Source: text, file: r.format.File})
}

// Mistakes is how many there are so far.
func (r *Reader) Mistakes() int { return r.wrong }

// Err are the mistakes so far in the order of the text, at most ten; nil for none.
func (r *Reader) Err() error {
	if len(r.mistakes) == 0 {
		return nil
	}
	slices.SortStableFunc(r.mistakes, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
	return Mistakes(r.mistakes[:min(len(r.mistakes), mistakesTold)])
}

// Parse returns the value of the whole text; nil if it is empty, or if it cannot be read, which is a mistake then.
func (r *Reader) Parse() Node {
	if len(r.source) > r.format.Bytes {
		way := ""
		if r.format.TooLong != "" {
			way = "; " + r.format.TooLong
		}
		r.Wrong(Position{}, "the %s has %d bytes, more than %d%s", r.format.Name, len(r.source), r.format.Bytes, way)
		return nil
	}
	if at := strings.IndexFunc(r.source, foreign); at >= 0 {
		line := 1 + strings.Count(r.source[:at], "\n")
		column := 1 + utf8.RuneCountInString(r.source[strings.LastIndexByte(r.source[:at], '\n')+1:at])
		r.Wrong(Position{line, column}, "not a text in UTF-8, or it has a control character here")
		return nil
	}
	if at, deep := tooDeep(r.source); deep {
		r.Wrong(at, "lists and maps are nested more than %d deep; a %s needs %d", deepest, r.format.Name, r.format.Needs)
		return nil
	}
	file, err := parser.ParseBytes([]byte(r.source), 0)
	if err != nil {
		at, text := Position{1, 1}, err.Error()
		if known, ok := errors.AsType[yaml.Error](err); ok {
			text = known.GetMessage()
			if t := known.GetToken(); t != nil {
				at = positionOf(t)
			}
		}
		r.Wrong(at, "not YAML: %s", text)
		return nil
	}
	var body Node
	for _, d := range file.Docs {
		if d.Body == nil {
			continue
		}
		if body != nil {
			r.Wrong(Place(d.Body), "a second document; a %s is one", r.format.Name)
			return nil
		}
		body = d.Body
	}
	if body == nil || body.Type() == ast.NullType || body.Type() == ast.CommentGroupType {
		return nil
	}
	return body
}

// foreign says whether a character is none of a text.
func foreign(c rune) bool {
	return c == utf8.RuneError || c < ' ' && c != '\n' && c != '\r' && c != '\t'
}

// tooDeep looks at brackets and list marks before anything recurses into them.
func tooDeep(source string) (Position, bool) {
	depth, line, marks := 0, 0, 0
	for _, t := range lexer.Tokenize(source) {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType:
			if t.Position.Line != line {
				line, marks = t.Position.Line, 0
			}
			marks++
		}
		if depth+marks > deepest || t.Position.IndentNum > 8*deepest {
			return positionOf(t), true
		}
		if t.Type != token.SequenceEntryType && t.Type != token.MappingKeyType && t.Position.Line != line {
			marks = 0
		}
	}
	return Position{}, false
}

func positionOf(t *token.Token) Position { return Position{t.Position.Line, t.Position.Column} }

// Place is where a node begins: a map at its first key.
func Place(n Node) Position {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return positionOf(m.Values[0].Key.GetToken())
	}
	if m, ok := n.(*ast.MappingValueNode); ok {
		return positionOf(m.Key.GetToken())
	}
	return positionOf(n.GetToken())
}

// IsMap says whether a value is a map.
func IsMap(n Node) bool {
	return n.Type() == ast.MappingType || n.Type() == ast.MappingValueType
}

// IsList says whether a value is a list.
func IsList(n Node) bool { return n.Type() == ast.SequenceType }

// IsNull says whether there is no value.
func IsNull(n Node) bool { return n.Type() == ast.NullType }

// IsNumber says whether a value is written as a number.
func IsNumber(n Node) bool { return n.Type() == ast.IntegerType || n.Type() == ast.FloatType }

// Each calls for each key of a map what reads its value. what names the map with its article.
func (r *Reader) Each(n Node, what string, known Keys) {
	r.each(n, what, "; known are "+list(known), func(at Position, key string, value Node) {
		if read, ok := known[key]; ok {
			read(at, value)
		} else if why := r.format.Without[key]; why != "" {
			r.Wrong(at, "%s: %s", key, why)
		} else if near := nearest(key, known); near != "" {
			r.Wrong(at, "unknown key %q; did you mean %s?", Shortened(key), near)
		} else {
			r.Wrong(at, "unknown key %q; %s knows %s", Shortened(key), what, list(known))
		}
	})
}

// EachKey calls read for each key of a map, whatever it is called. A key that is there twice is a mistake, and read once.
func (r *Reader) EachKey(n Node, what string, read func(at Position, key string, value Node)) {
	r.each(n, what, "; keys are texts", read)
}

func (r *Reader) each(n Node, what, instead string, read func(at Position, key string, value Node)) {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		r.Wrong(Place(n), "%s is a map; write %s", what, cmp.Or(r.format.Examples[what], "key: value"))
		return
	}
	met := map[string]bool{}
	for _, v := range values {
		at := positionOf(v.Key.GetToken())
		key := v.Key.GetToken().Value
		_, plain := v.Key.(*ast.StringNode)
		switch {
		case !plain:
			r.Wrong(at, "%.40q is not a key of %s%s", key, what, instead)
		case met[key]:
			r.Wrong(at, "%s is here for the second time; remove one", Shortened(key))
		default:
			met[key] = true
			read(at, key, v.Value)
		}
	}
}

func list(known Keys) string {
	keys := make([]string, 0, len(known))
	for k := range known {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}

// List are the values of a list. No value is an empty list; anything else is a mistake.
func (r *Reader) List(n Node, key string) []Node {
	if IsNull(n) {
		return nil
	}
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		r.Wrong(Place(n), "%s is a list; write [a, b], or begin each with -", key)
		return nil
	}
	return s.Values
}

// Scalar is the text of a value that is neither a list nor a map.
func (r *Reader) Scalar(n Node, key string) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	case *ast.NullNode:
		r.Wrong(Place(n), "%s has no value", key)
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		r.Wrong(Place(n), "%s: anchors, aliases and tags of YAML are not read; write the value", key)
	default:
		r.Wrong(Place(n), "%s is one value, not a list or a map", key)
	}
	return "", false
}

// Shortened is a text of at most 40 characters, for a sentence.
func Shortened(text string) string {
	if utf8.RuneCountInString(text) > 40 {
		return string([]rune(text)[:40]) + "…"
	}
	return text
}

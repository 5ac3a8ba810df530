package adapter

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/adapter/read"
)

// What Rust's tools have in common: cargo's line before the output of a program, and the message of a panic.

// rustPrograms tells the programs apart whose outputs follow each other.
type rustPrograms struct {
	program string              // the one that runs, empty where cargo named none
	hashes  map[string][]string // those of programs of one name, in the order of their first appearance
}

// mostOfOneName is how many programs of one name are told apart; more than a workspace has.
const mostOfOneName = 1000

// runs reads cargo's line before a program. A second program of the same name, as two packages of a workspace may have one, is "name #2";
// its hash is no part of a name, because it changes with the compiler.
func (p *rustPrograms) runs(line []byte) bool {
	program, hash, ok := rustProgram(line)
	if !ok {
		return false
	}
	at := slices.Index(p.hashes[program], hash)
	if at < 0 {
		if at = len(p.hashes[program]); at < mostOfOneName {
			if p.hashes == nil {
				p.hashes = map[string][]string{}
			}
			p.hashes[program] = append(p.hashes[program], hash)
		}
	}
	if p.program = program; at > 0 {
		p.program += " #" + strconv.Itoa(at+1)
	}
	return true
}

// of is the name under which a result of the running program is gathered until tellPrograms; no program's name holds a NUL.
func (p *rustPrograms) of(name string) string {
	if p.program == "" && strings.IndexByte(name, 0) < 0 {
		return name
	}
	return p.program + "\x00" + name
}

// rustProgram is the program that cargo runs next, by its line "     Running unittests src/lib.rs
// (target/release/deps/sample-340dc6c42fd1bc08)" or, of old, "     Running target/release/deps/sample-340dc6c42fd1bc08", and its hash. The
// unit tests of a program beside the library have the library's name, and so their file behind it.
func rustProgram(line []byte) (program, hash string, ok bool) {
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(line, " "), []byte("Running "))
	if !ok {
		return "", "", false
	}
	file, path := "", string(bytes.TrimRight(rest, " "))
	if open := strings.LastIndexByte(path, '('); open >= 0 && strings.HasSuffix(path, ")") {
		file, path = strings.TrimPrefix(strings.TrimSpace(path[:open]), "unittests "), path[open+1:len(path)-1]
	}
	path = path[strings.LastIndexAny(path, `/\`)+1:]
	dash := strings.LastIndexByte(path, '-')
	if hash = strings.TrimSuffix(path[dash+1:], ".exe"); dash <= 0 || !isHash(hash) || bytes.IndexByte(line, 0) >= 0 {
		return "", "", false
	}
	program = path[:dash]
	if strings.HasPrefix(file, "src/") && file != "src/lib.rs" {
		program += " " + file
	}
	return read.OneLine(program), hash, true
}

// isHash reports whether the text is the hash that cargo puts behind a program's name.
func isHash(text string) bool {
	return len(text) == 16 && strings.Trim(text, "0123456789abcdef") == ""
}

// tellPrograms makes names of what was gathered with rustPrograms.of and again: the program is part of those that occur in several, which
// are different
// benchmarks.
func (g *gathering) tellPrograms() {
	if g.store == nil || !slices.ContainsFunc(g.store.order, func(b *gathered) bool { return strings.IndexByte(b.name, 0) >= 0 }) {
		return
	}
	g.renamed = true
	first := make(map[string]string, len(g.store.order))
	several := map[string]bool{}
	for _, b := range g.store.order {
		program, name := programOf(b.name)
		name = withoutNumber(name)
		if before, known := first[name]; !known {
			first[name] = program
		} else if before != program {
			several[name] = true
		}
	}
	for _, b := range g.store.order {
		program, name := programOf(b.name)
		if b.name = name; program != "" && several[withoutNumber(name)] {
			b.name = program + "::" + name
		}
	}
}

// withoutNumber is the name without the number that again has given it.
func withoutNumber(name string) string {
	if at := strings.LastIndex(name, " #"); at > 0 && read.IsDigits([]byte(name[at+2:])) {
		return name[:at]
	}
	return name
}

func programOf(gathered string) (program, name string) {
	program, name, ok := strings.Cut(gathered, "\x00")
	if !ok {
		return "", gathered
	}
	return program, name
}

// rustPanics reads what a panic prints: "thread 'main' (26064) panicked at src/lib.rs:10:49:" and the message on the next line, or of old
// both on one: "thread 'main' panicked at 'message', src/lib.rs:10:49". The first counts.
type rustPanics struct {
	message string
	line    int
	open    bool // the message stands on the next line
}

// read reports whether the line belongs to a panic.
func (p *rustPanics) read(line []byte, number int) bool {
	if p.open {
		p.open = false
		if p.message += " " + read.OneLine(string(line)); len(p.message) > 1000 {
			p.message = shorten(p.message, 1000)
		}
		return true
	}
	at := bytes.Index(line, []byte("thread '"))
	if at < 0 || !bytes.Contains(line[at:], []byte(" panicked at ")) {
		return false
	}
	if p.message == "" {
		_, message, _ := bytes.Cut(line[at:], []byte(" panicked at "))
		p.message, p.line, p.open = "it panicked at "+read.OneLine(string(message)), number,
			bytes.HasSuffix(bytes.TrimSpace(message), []byte(":"))
	}
	return true
}

// said is the message behind a separator; nothing where nothing panicked.
func (p *rustPanics) said(separator string) string {
	if p.message == "" {
		return ""
	}
	return separator + p.message
}

// flush makes a problem of the panic, which is the benchmark's, and forgets it.
func (p *rustPanics) flush(g *gathering, benchmark string) {
	if p.message != "" {
		g.problem(benchmark, p.line, "%s", p.message)
	}
	*p = rustPanics{}
}

// lastIndex is bytes.LastIndex, which is slow where there is nothing to be found, as in most lines.
func lastIndex(line []byte, what string) int {
	last := -1
	for {
		next := bytes.Index(line[last+1:], []byte(what))
		if next < 0 {
			return last
		}
		last += 1 + next
	}
}

// withoutReset is the line without what libtest writes behind a coloured word on terminals such as xterm, besides the usual escape: ESC (
// B chooses the character set.
func withoutReset(line []byte) []byte {
	if bytes.IndexByte(line, 0x1b) < 0 {
		return line
	}
	return bytes.ReplaceAll(line, []byte("\x1b(B"), nil)
}

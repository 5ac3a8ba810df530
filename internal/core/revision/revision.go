// Package revision reads how people name one side of a comparison, as they type it:
//
//	side   = "report:" uuid | uuid
//	       | "commit:" hash
//	       | ["branch:"] branch ["@" place]
//	       | "@" place                          of the project's default branch
//	       | word                               a commit or a branch
//	place  = number                             the version of this number
//	       | "latest" ["~" number]              the newest version with results, or so many of them before it
//	hash   = 7 to 64 hexadecimal digits         a commit, or how it begins
//
// A word of 7 to 64 hexadecimal digits may be either, and whoever knows the project finds out; the prefixes decide it. A branch's name may
// hold an @: the last one parts a place off if a digit or "latest" follows it.
//
// The package knows no project and no file. The command line asks for files first.
package revision

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/ident"
	"github.com/tachograph/tacho/internal/core/limits"
)

// Kind is what a revision names.
type Kind string

// The kinds.
const (
	Report Kind = "report"
	Commit Kind = "commit"
	Branch Kind = "branch"
	Word   Kind = "word" // a commit or a branch
)

// Revision names a report, a commit, or a branch with or without a place on it.
type Revision struct {
	Kind Kind
	// Name is a report's UUID, a commit or its beginning, both in lower case, or a branch's name; empty: the project's default branch.
	Name   string
	Pinned bool  // to a place on the branch; otherwise the branch as a whole is meant, with its history
	Latest bool  // Back versions before the newest; otherwise the version Number
	Number int64 // 0 or more
	Back   int   // 0 to limits.CompareBack
}

// Length of a commit's beginning.
const (
	shortestHash = 7
	longestHash  = 64
)

// The prefixes that force a reading.
const (
	reportPrefix = "report:"
	commitPrefix = "commit:"
	branchPrefix = "branch:"
	latest       = "latest"
)

// Forced reports whether text begins with a prefix that says what it is, so that no file is meant.
func Forced(text string) bool {
	for _, prefix := range []string{reportPrefix, commitPrefix, branchPrefix} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}

// Parse reads a revision. What is none is an Invalid fault that says at which character, from 1, and what would do.
func Parse(text string) (Revision, error) {
	if text == "" {
		return Revision{}, fault.Invalidf("it is empty: name a branch, a commit or a report")
	}
	if most := limits.BranchNameBytes + 64; len(text) > most {
		return Revision{}, fault.Invalidf("%.60q…: it has %d bytes, the limit is %d", text, len(text), most)
	}
	p := parser{text: text}
	switch {
	case strings.HasPrefix(text, reportPrefix):
		return p.report(len(reportPrefix))
	case strings.HasPrefix(text, commitPrefix):
		return p.commit(len(commitPrefix))
	case strings.HasPrefix(text, branchPrefix):
		return p.branch(len(branchPrefix), true)
	case ident.IsUUID(text):
		return p.report(0)
	case isHash(text):
		return Revision{Kind: Word, Name: text}, nil
	}
	return p.branch(0, false)
}

// isHash reports whether text may be a commit or its beginning, in lower case, as git writes it.
func isHash(text string) bool {
	return len(text) >= shortestHash && len(text) <= longestHash && strings.Trim(text, "0123456789abcdef") == ""
}

// String is the revision as Parse reads it.
func (r Revision) String() string {
	if r.Kind == Report || r.Kind == Commit {
		return string(r.Kind) + ":" + r.Name
	}
	out := r.Name
	if r.Kind == Branch && r.Name != "" {
		out = branchPrefix + out
	}
	switch {
	case !r.Pinned:
		return out
	case !r.Latest:
		return fmt.Sprintf("%s@%d", out, r.Number)
	case r.Back > 0:
		return fmt.Sprintf("%s@%s~%d", out, latest, r.Back)
	}
	return out + "@" + latest
}

type parser struct{ text string }

// wrong is the fault of the byte at a place.
func (p parser) wrong(at int, format string, args ...any) error {
	return fault.Invalidf("%q: character %d: %s", p.text, len([]rune(p.text[:at]))+1, fmt.Sprintf(format, args...))
}

func (p parser) report(from int) (Revision, error) {
	id := strings.ToLower(p.text[from:])
	if !ident.IsUUID(id) {
		return Revision{}, p.wrong(from, "want the UUID of a report, as in report:01960000-0000-7000-8000-000000000001")
	}
	return Revision{Kind: Report, Name: id}, nil
}

func (p parser) commit(from int) (Revision, error) {
	hash := strings.ToLower(p.text[from:])
	for i, c := range []byte(hash) {
		if !strings.ContainsRune("0123456789abcdef", rune(c)) {
			return Revision{}, p.wrong(from+i, "want a commit in hexadecimal digits")
		}
	}
	if !isHash(hash) {
		return Revision{}, p.wrong(from, "a commit has %d to %d digits, this has %d", shortestHash, longestHash, len(hash))
	}
	return Revision{Kind: Commit, Name: hash}, nil
}

func (p parser) branch(from int, forced bool) (Revision, error) {
	r := Revision{Kind: Branch, Name: p.text[from:]}
	at := strings.LastIndexByte(p.text, '@')
	switch {
	case at == len(p.text)-1:
		return r, p.wrong(at+1, "want a version's number or %s after the @", latest)
	case at >= from:
		if err := p.place(at+1, &r); err != nil {
			return r, err
		}
		if r.Pinned {
			r.Name = p.text[from:at]
		}
	}
	if r.Name == "" {
		if forced {
			return r, p.wrong(from, "want a branch's name; without branch: an @ alone means the default branch")
		}
		return r, nil
	}
	for i, c := range r.Name {
		switch {
		case c == '~':
			return r, p.wrong(from+i, "~ counts back from the newest version, as in main@%s~3", latest)
		case c == ':':
			return r, p.wrong(from+i, "a : goes after report, commit or branch alone")
		case strings.ContainsRune(" ^?*[\\", c), c < ' ', c == 0x7f:
			return r, p.wrong(from+i, "no branch, commit or report has %q in its name", c)
		}
	}
	if err := ident.CheckBranchName(r.Name); err != nil {
		return r, p.wrong(from, "%s", fault.Message(err))
	}
	return r, nil
}

// place reads what follows an @, if that is a place.
func (p parser) place(from int, r *Revision) error {
	rest := p.text[from:]
	if tail, found := strings.CutPrefix(rest, latest); found {
		at := from + len(latest)
		r.Pinned, r.Latest = true, true
		switch {
		case tail == "":
			return nil
		case tail[0] != '~':
			return p.wrong(at, "want ~ and a number after %s, or nothing", latest)
		}
		back, err := p.number(at+1, limits.CompareBack)
		r.Back = int(back)
		return err
	}
	if rest[0] < '0' || rest[0] > '9' {
		return nil // a part of the name
	}
	var err error
	r.Pinned = true
	r.Number, err = p.number(from, 1<<53)
	return err
}

// number reads the rest of the text as a number of at most most.
func (p parser) number(from int, most int64) (int64, error) {
	digits := p.text[from:]
	for i, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, p.wrong(from+i, "want a digit")
		}
	}
	if digits == "" {
		return 0, p.wrong(from, "want a number")
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > most {
		return 0, p.wrong(from, "the number is larger than %d", most)
	}
	return n, nil
}

package series

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tachograph/tacho/internal/core/limits"
)

// Commit is what is known of a commit beside its hash: what somebody said who had the repository. Empty fields are not known.
type Commit struct {
	Hash    string // full git object name
	Parent  string // the first parent's
	Author  string // name; the address is nobody's business
	Subject string // first paragraph of the message, on one line
	Time    *time.Time
}

// Cleaned returns the commit as it may be kept: names and subjects on one line, without control characters and characters that turn the
// direction of what follows, valid UTF-8, and cut to their limits. Times that no calendar has are dropped.
func (c Commit) Cleaned() Commit {
	c.Author, c.Subject = oneLine(c.Author, limits.CommitAuthorBytes), oneLine(c.Subject, limits.CommitSubjectBytes)
	if c.Time != nil && (c.Time.Year() < 1 || c.Time.Year() > 9999) {
		c.Time = nil
	}
	return c
}

// Fill takes what c does not know from other, which is the same commit. changed says that there was something.
func (c Commit) Fill(other Commit) (filled Commit, changed bool) {
	for _, f := range []struct {
		mine   *string
		theirs string
	}{{&c.Parent, other.Parent}, {&c.Author, other.Author}, {&c.Subject, other.Subject}} {
		if *f.mine == "" && f.theirs != "" {
			*f.mine, changed = f.theirs, true
		}
	}
	if c.Time == nil && other.Time != nil {
		c.Time, changed = other.Time, true
	}
	return c, changed
}

// oneLine is text without what must not be in a line, cut to most bytes with an ellipsis.
func oneLine(text string, most int) string {
	if len(text) > 4*most { // nothing behind that could be kept; each rune has four bytes at most
		text = text[:4*most]
	}
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "\uFFFD"), func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Bidi_Control, r)
	}), " ")
	if len(text) <= most {
		return text
	}
	const ellipsis = "…"
	cut := most - len(ellipsis)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strings.TrimRight(text[:cut], " ") + ellipsis
}

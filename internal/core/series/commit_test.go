package series_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/series"
)

func TestWhatACommitSaysIsOnOneLineAndShort(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                               "",
		"Read faster":                    "Read faster",
		"  two\r\nlines\tand \v tabs ":   "two lines and tabs",
		"\x1b[31mred\x1b[0m\x00":         "[31mred [0m",
		"safe\u202eevil\u2066.":          "safe evil .",
		"line\u2028end\u0085.":           "line end .",
		"half \xff a rune":               "half \uFFFD a rune",
		"<b>&amp;</b>":                   "<b>&amp;</b>", // who shows it escapes it
		strings.Repeat("ä", 1<<19):       strings.Repeat("ä", 126) + "…",
		strings.Repeat("x", 256):         strings.Repeat("x", 256),
		strings.Repeat("\n", 5000) + "x": "",
	} {
		got := series.Commit{Subject: text}.Cleaned().Subject
		if got != want || !utf8.ValidString(got) || len(got) > limits.CommitSubjectBytes {
			t.Errorf("%.40q: got %q, want %q", text, got, want)
		}
	}
	far := time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)
	c := series.Commit{Author: strings.Repeat("y", 300), Time: &far}.Cleaned()
	if len(c.Author) != limits.CommitAuthorBytes || c.Time != nil {
		t.Errorf("an author of %d bytes, at %v", len(c.Author), c.Time)
	}
}

func TestACommitIsFilledOnce(t *testing.T) {
	t.Parallel()
	at := time.Unix(1, 0)
	known, changed := series.Commit{Hash: "a", Author: "Ada"}.Fill(series.Commit{Hash: "a", Author: "Eve", Subject: "s", Parent: "b",
		Time: &at})
	if want := (series.Commit{Hash: "a", Author: "Ada", Subject: "s", Parent: "b", Time: &at}); known != want || !changed {
		t.Errorf("%+v, %v", known, changed)
	}
	if again, changed := known.Fill(series.Commit{Author: "Eve", Subject: "other", Parent: "c"}); again != known || changed {
		t.Errorf("again: %+v, %v", again, changed)
	}
}

package event_test

import (
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/event"
)

// told is what a run says of commits, the newest first.
func told(words ...string) (out []api.Commit) {
	for i, word := range words {
		c := api.Commit{Hash: commitHash(word), Author: "Ada", Subject: "change " + word}
		if i+1 < len(words) {
			c.Parent = commitHash(words[i+1])
		}
		out = append(out, c)
	}
	return out
}

// TestASuspectSaysWhoWroteIt, and so do the commits before it that were never measured.
func TestASuspectSaysWhoWroteIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commits = told("c20", "c19b", "c19a", "c19", "c18")
	w.step("c", 30, 20, 120, 7)
	listed := w.want(event.NamedFilter{}, "code confirmed lab: a +20% worse")[0]
	if c := listed.First.Commit; c == nil || c.Subject != "change c20" || c.Author != "Ada" || listed.First.Between != nil {
		t.Errorf("in a list: %+v", listed.First)
	}
	if c := listed.Before.Commit; c == nil || c.Subject != "change c19" {
		t.Errorf("before it: %+v", listed.Before)
	}
	e, err := w.events.Get(t.Context(), local, "shop", listed.UUID)
	if err != nil || len(e.Suspects) == 0 {
		t.Fatalf("%+v, %v", e, err)
	}
	first := e.Suspects[0]
	var between string
	for _, c := range first.Between {
		between += c.Subject + ", "
	}
	if first.Number != 20 || first.Commit == nil || first.Commit.Subject != "change c20" || between != "change c19b, change c19a, " ||
		first.Partial || first.Report == "" {
		t.Errorf("the suspect: %+v, between %s", first, between)
	}
	for _, v := range e.Suspects[1:] {
		if v.Commit != nil || v.Between != nil || v.Partial || v.Hash == nil {
			t.Errorf("of %d nobody said anything: %+v", v.Number, v)
		}
	}
}

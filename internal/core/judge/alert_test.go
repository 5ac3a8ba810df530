package judge

import (
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
)

// TestLifeOfAnAlert goes through every status and every event: a row says where it leads, or that it is refused.
func TestLifeOfAnAlert(t *testing.T) {
	t.Parallel()
	const refused = Status("")
	rows := []struct {
		from  Status
		event Event
		want  Status
	}{
		{Active, Dismiss, Dismissed},
		{Active, Reactivate, Active},
		{Active, ReplaceHead, Silenced},
		{Dismissed, Dismiss, Dismissed},
		{Dismissed, Reactivate, Active},
		{Dismissed, ReplaceHead, Silenced},
		{Silenced, Dismiss, refused},
		{Silenced, Reactivate, refused},
		{Silenced, ReplaceHead, Silenced},
		{"resolved", Dismiss, refused},
		{Active, "resolve", refused},
	}
	legal := 0
	for _, row := range rows {
		got, err := Next(row.from, row.event)
		if row.want == refused {
			if !fault.Is(err, fault.Conflict) || got != row.from {
				t.Errorf("Next(%s, %s) = %s, %v, want a conflict that changes nothing", row.from, row.event, got, err)
			}
			continue
		}
		legal++
		if err != nil || got != row.want {
			t.Errorf("Next(%s, %s) = %s, %v, want %s", row.from, row.event, got, err, row.want)
		}
	}
	inTable := 0
	for _, events := range transitions {
		inTable += len(events)
	}
	if legal != inTable {
		t.Errorf("%d legal transitions are tested, the table has %d", legal, inTable)
	}
}

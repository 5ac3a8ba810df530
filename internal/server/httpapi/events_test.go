package httpapi

import (
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
)

func TestAnOrderOfEventsThatIsNotKnownIsRefused(t *testing.T) {
	t.Parallel()
	for sort, want := range map[string]bool{"": false, "score": false, "newest": true} {
		if newest, err := newestFirst(sort); newest != want || err != nil {
			t.Errorf("%q: %v, %v", sort, newest, err)
		}
	}
	if _, err := newestFirst("foo"); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), `"foo": want score`) {
		t.Errorf("foo: %v", err)
	}
}

// Package report is the life of a report: its states, the one table of legal transitions, and what is said of those that are refused.
//
// The package is pure. The caller holds the report's row in a transaction, asks Next where an event leads, and writes what comes back.
//
//	pending ─ finish ─→ processed ─ remove ─→ deleted
//	   │ ↑ ↑               │
//	   │ │ └─── reread ────┘  (replace: read again within one transaction, it stays processed)
//	   │ └───── reopen ──── failed ─ remove ─→ deleted
//	   └─────── fail ─────────↑
//
// A report is pending until all of its results are stored, or it is known that there will be none. Nobody sees results of one that is not
// processed, and nobody sees anything of one that is deleted; its rows may still be there for a while.
package report

import (
	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
)

// Deleted is the state of a report that is being removed. It has no word in the API.
const Deleted api.ReportStatus = "deleted"

// States lists all states.
var States = []api.ReportStatus{api.ReportPending, api.ReportProcessed, api.ReportFailed, Deleted}

// Event is what happens to a report.
type Event string

// The events.
const (
	Finish  Event = "finish"  // all results are stored
	Fail    Event = "fail"    // there will be none
	Reopen  Event = "reopen"  // its job is tried again, or brings its results after all
	Replace Event = "replace" // its raw output was read again, and other results are stored
	Reread  Event = "reread"  // its raw output is being read again, and its results are hidden until the others are there
	Remove  Event = "remove"  // somebody deletes it
	Discard Event = "discard" // its results could not be stored, and its sender is told so
)

// Events lists all events.
var Events = []Event{Finish, Fail, Reopen, Replace, Reread, Remove, Discard}

// table is the one list of legal transitions. What is not in it is refused.
var table = map[api.ReportStatus]map[Event]api.ReportStatus{
	api.ReportPending:   {Finish: api.ReportProcessed, Fail: api.ReportFailed, Reopen: api.ReportPending, Discard: Deleted},
	api.ReportProcessed: {Replace: api.ReportProcessed, Reread: api.ReportPending, Remove: Deleted},
	api.ReportFailed:    {Reopen: api.ReportPending, Fail: api.ReportFailed, Remove: Deleted},
	Deleted:             {},
}

// Next returns the state after the event. What the table does not have is a Conflict fault that names the report, and leaves the state as
// it is.
func Next(id string, s api.ReportStatus, e Event) (api.ReportStatus, error) {
	if next, legal := table[s][e]; legal {
		return next, nil
	}
	switch {
	case e == Fail && s == api.ReportProcessed:
		return s, fault.Conflictf("report %s is processed, it cannot fail any more", id)
	case e == Reopen && s == api.ReportProcessed:
		return s, fault.Conflictf("report %s is processed; submit a new run instead", id)
	case e == Remove && s == api.ReportPending:
		return s, fault.Conflictf("report %s is pending: cancel its job first", id)
	case e == Finish:
		return s, fault.Conflictf("report %s is %s, only a pending one takes results", id, s)
	case e == Replace || e == Reread:
		return s, fault.Conflictf("report %s is %s; only a processed one can be read again", id, s)
	}
	return s, fault.Conflictf("report %s is %s, it does not take %s", id, s, e)
}

// Closed reports whether nothing more is awaited: results are there, or there will be none.
func Closed(s api.ReportStatus) bool { return s == api.ReportProcessed || s == api.ReportFailed }

package event

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	corepolicy "github.com/tachograph/tacho/internal/core/policy"
	"github.com/tachograph/tacho/internal/server/policy"
	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
)

// CatchUp looks at lines of a project that have news now, the oldest first, each once, and at most so many heads and testbeds. It returns
// how many were. What comes meanwhile is left to the next, or one that began under load would not end. Lines that others look at meanwhile
// are theirs.
func (s *Service) CatchUp(ctx context.Context, projectID string, most int) (looked int, err error) {
	var lines []report.Line
	if err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		lines, err = report.LinesWithNews(ctx, tx, projectID, most)
		return err
	}); err != nil {
		return 0, err
	}
	for i, l := range lines {
		if err := s.Look(ctx, projectID, l); err != nil {
			return i, err
		}
	}
	return len(lines), nil
}

// errOvertaken says that somebody else has looked since a look began.
var errOvertaken = errors.New("another look came first")

// lookTries is how often a look begins again when others come first. Each time something was done.
const lookTries = 20

// Look brings the lines of a head and a testbed up to date, and the head's events with them. Without news it does nothing.
func (s *Service) Look(ctx context.Context, projectID string, at report.Line) error {
	for range lookTries {
		seen, err := s.see(ctx, projectID, at)
		if err == nil && len(seen.news) > 0 {
			err = s.note(ctx, seen)
		}
		if !errors.Is(err, errOvertaken) {
			return err
		}
	}
	return fault.New(fault.Unavailable, "events of head %s: others look at it all the time; try again", at.HeadID)
}

// look is what one look saw, from a snapshot. It holds nothing of the database.
type look struct {
	projectID string
	at        report.Line
	policy    corepolicy.Policy
	version   int64 // of the looks before
	news      []report.News
	anew      bool  // results went away: what was let go is looked at again
	oldest    int64 // version that there is news of
	examined  map[lineKey]bool
	lines     []Line
	odd       []oddLine
	gone      []lineKey // lines without results
	points    []Point   // new ones and those that are not as they were
	ownFrom   int64     // version from which on all are the head's own
	keeps     bool      // there is such a version, and values from it on are kept
	kept      []packedValues
	keptBytes int
}

// see computes a look.
func (s *Service) see(ctx context.Context, projectID string, at report.Line) (seen look, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) (err error) {
		seen = look{projectID: projectID, at: at, examined: map[lineKey]bool{}}
		if seen.news, err = report.NewsOf(ctx, tx, projectID, at, limits.NewsOfALook); err != nil || len(seen.news) == 0 {
			return err
		}
		if seen.version, err = lookVersion(ctx, tx, at.HeadID); err != nil {
			return err
		}
		if seen.policy, err = policy.Of(ctx, tx, projectID); err != nil {
			return err
		}
		return seen.examine(ctx, tx)
	})
	return seen, err
}

// noteRows bounds the rows that one transaction of a look writes: all writers wait for it.
const noteRows = 4_000

// note writes what was seen. The last transaction makes events of it and takes the news away, so that a look which is killed is done
// again, and to write the same lines twice does no harm. Where many alerts become parts of events, most of them do so after it: then
// other news take the place of these until the last alert is in its event, which have all looked at anew should this look be killed.
func (s *Service) note(ctx context.Context, seen look) error {
	lines, points := slices.Collect(slices.Chunk(seen.lines, s.rows)), slices.Collect(slices.Chunk(seen.points, s.rows))
	odd, kept := slices.Collect(slices.Chunk(seen.odd, s.rows)), inChunks(seen.kept)
	version, first := seen.version, max(len(lines), len(points), len(odd), len(kept), 1)
	var left folding
	var unfinished report.News
	done := false
	for n := first; n > 0; n-- {
		if err := s.store.Tx(ctx, func(tx *store.Tx) error {
			if err := tx.Lock(ctx, store.LinesOf(seen.at.HeadID)); err != nil {
				return err
			}
			if err := expectLook(ctx, tx, seen.at.HeadID, version); err != nil {
				return err
			}
			if seen.anew && n == first {
				if err := dropKept(ctx, tx, seen.at); err != nil {
					return err
				}
			}
			if len(kept) >= n {
				if err := saveKept(ctx, tx, kept[n-1]); err != nil {
					return err
				}
			}
			if len(lines) >= n {
				if err := saveLines(ctx, tx, lines[n-1]); err != nil {
					return err
				}
			}
			if len(points) >= n {
				for _, p := range points[n-1] {
					if err := savePoint(ctx, tx, p); err != nil {
						return err
					}
				}
			}
			if len(odd) >= n {
				if err := saveOdd(ctx, tx, odd[n-1]); err != nil {
					return err
				}
			}
			if n > 1 {
				return nil
			}
			if err := dropLines(ctx, tx, seen.gone); err != nil {
				return err
			}
			if seen.anew {
				if err := dropBands(ctx, tx, seen.at); err != nil {
					return err
				}
			} else if err := saveBands(ctx, tx, seen.lines, seen.odd); err != nil {
				return err
			}
			again := len(seen.points) > 0 || seen.anew
			if !again {
				var err error
				if again, err = bearsWitness(ctx, tx, seen.at, seen.oldest); err != nil {
					return err
				}
			}
			if again {
				if err := regroup(ctx, tx, seen.projectID, seen.at.HeadID); err != nil {
					return err
				}
			}
			if seen.anew {
				if err := followResults(ctx, tx, seen.at); err != nil {
					return err
				}
			}
			begun, err := folding{atOnce: s.alerts}.begin(ctx, tx, seen.at, again)
			if err != nil {
				return err
			}
			if left, done, err = foldAlerts(ctx, tx, seen.projectID, seen.at, begun); err != nil {
				return err
			}
			if !done {
				if unfinished, err = report.JudgeAgain(ctx, tx, seen.projectID, seen.at); err != nil {
					return err
				}
			}
			return report.DropNews(ctx, tx, seen.news)
		}); err != nil {
			return err
		}
		version++
	}
	for !done {
		next, after := left, false
		if err := s.store.Tx(ctx, func(tx *store.Tx) error {
			err := tx.Lock(ctx, store.LinesOf(seen.at.HeadID))
			if err == nil {
				next, after, err = foldAlerts(ctx, tx, seen.projectID, seen.at, left)
			}
			if err == nil && after {
				err = report.DropNews(ctx, tx, []report.News{unfinished})
			}
			return err
		}); err != nil {
			return err
		}
		left, done = next, after
	}
	return nil
}

// lookVersion is how many transactions of looks a head has seen.
func lookVersion(ctx context.Context, tx *store.Tx, headID string) (n int64, err error) {
	err = tx.QueryRow(ctx, `select coalesce(max(version), 0) from line_look where head_id = $1`, headID).Scan(&n)
	return n, err
}

// expectLook counts one more transaction of looks, or fails if there were others since version.
func expectLook(ctx context.Context, tx *store.Tx, headID string, version int64) error {
	now, err := lookVersion(ctx, tx, headID)
	if err != nil {
		return err
	}
	if now != version {
		return errOvertaken
	}
	if _, err := tx.Exec(ctx, `insert into line_look (head_id, version) values ($1, $2)
		on conflict (head_id) do update set version = excluded.version`, headID, version+1); err != nil {
		return fmt.Errorf("count looks at head %s: %w", headID, err)
	}
	return nil
}

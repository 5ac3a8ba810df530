package report

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

// Line is where reports stand in a row: a head and a testbed.
type Line struct{ HeadID, TestbedID string }

// News is what a line has not been looked at for. It is written in the transaction that changes a report, so that none is missed, and
// whoever looks takes it away with what came of it.
type News struct {
	Seq       int64
	ReportSeq *int64 // that was closed; nil: results went away
}

// tellLine writes that a report's results are there, or that some went away; those on a head beside its branch are of no line. spans is
// what they say, packed, or nil.
func tellLine(ctx context.Context, tx *store.Tx, r Report, wentAway bool, spans []byte) error {
	var report *int64
	if !wentAway {
		report = &r.Seq
	}
	if _, err := tx.Exec(ctx, `insert into line_news (project_id, head_id, testbed_id, report_seq, spans)
		select $1, h.id, $3, $4, $5 from head h where h.id = $2 and not h.aside`, r.ProjectID, r.HeadID, r.TestbedID, report,
		spans); err != nil {
		return fmt.Errorf("write news of report %s: %w", r.ID, err)
	}
	return nil
}

// LookAgain asks for all lines of a report's head and testbed to be looked at anew: what counts of it has changed.
func LookAgain(ctx context.Context, tx *store.Tx, r Report) error {
	return tellLine(ctx, tx, r, true, nil)
}

// LinesOf returns the lines of a project that have results.
func LinesOf(ctx context.Context, tx *store.Tx, projectID string) ([]Line, error) {
	rows, err := tx.Query(ctx, `select distinct r.head_id, r.testbed_id from report r where r.project_id = $1 and r.status = 'processed'`+
		series.NotAside+` order by r.head_id, r.testbed_id`, projectID)
	out, err := store.Collect(rows, err, func(rows *sql.Rows) (l Line, err error) { return l, rows.Scan(&l.HeadID, &l.TestbedID) })
	if err != nil {
		return nil, fmt.Errorf("find lines of project %s: %w", projectID, err)
	}
	return out, nil
}

// JudgeAgain asks for all lines of a head and testbed to be looked at anew, and returns what asks: they are judged in another way from now
// on, or a look is not through.
func JudgeAgain(ctx context.Context, tx *store.Tx, projectID string, l Line) (news News, err error) {
	if err := tx.QueryRow(ctx, `insert into line_news (project_id, head_id, testbed_id) values ($1, $2, $3) returning seq`, projectID,
		l.HeadID, l.TestbedID).Scan(&news.Seq); err != nil {
		return news, fmt.Errorf("ask for another look at head %s: %w", l.HeadID, err)
	}
	return news, nil
}

// ProjectsWithNews returns the projects that have lines with news.
func ProjectsWithNews(ctx context.Context, tx *store.Tx) ([]string, error) {
	rows, err := tx.Query(ctx, `select distinct n.project_id from line_news n order by n.project_id limit 10000`)
	out, err := store.Collect(rows, err, store.ScanText)
	if err != nil {
		return nil, fmt.Errorf("find projects with news: %w", err)
	}
	return out, nil
}

// LinesWithNews returns lines of a project that have news, those with the oldest first.
func LinesWithNews(ctx context.Context, tx *store.Tx, projectID string, limit int) ([]Line, error) {
	rows, err := tx.Query(ctx, `select n.head_id, n.testbed_id from line_news n where n.project_id = $1
		group by n.head_id, n.testbed_id order by min(n.seq) limit $2`, projectID, limit)
	out, err := store.Collect(rows, err, func(rows *sql.Rows) (l Line, err error) { return l, rows.Scan(&l.HeadID, &l.TestbedID) })
	if err != nil {
		return nil, fmt.Errorf("find lines with news: %w", err)
	}
	return out, nil
}

// NewsOf returns news of a line, the oldest first.
func NewsOf(ctx context.Context, tx *store.Tx, projectID string, l Line, limit int) ([]News, error) {
	rows, err := tx.Query(ctx, `select n.seq, n.report_seq from line_news n where n.project_id = $1 and n.head_id = $2 and n.testbed_id = $3
		order by n.seq limit $4`, projectID, l.HeadID, l.TestbedID, limit)
	out, err := store.Collect(rows, err, func(rows *sql.Rows) (n News, err error) { return n, rows.Scan(&n.Seq, &n.ReportSeq) })
	if err != nil {
		return nil, fmt.Errorf("find news of a line: %w", err)
	}
	return out, nil
}

// DropNews takes news away.
func DropNews(ctx context.Context, tx *store.Tx, news []News) error {
	for chunk := range slices.Chunk(news, store.IDsPerQuery) {
		seqs := make([]int64, len(chunk))
		for i, n := range chunk {
			seqs[i] = n.Seq
		}
		these, args := store.Among("seq", seqs, 1)
		if _, err := tx.Exec(ctx, `delete from line_news where `+these, args...); err != nil {
			return fmt.Errorf("drop news: %w", err)
		}
	}
	return nil
}

// SeriesIn returns the series that these reports have values of, in order, each once.
func SeriesIn(ctx context.Context, tx *store.Tx, seqs []int64) ([]int64, error) {
	var out []int64
	for _, seq := range seqs {
		if err := eachPart(ctx, tx, seq, 0, func(p part) (bool, error) {
			out = append(out, p.series...)
			return true, nil
		}); err != nil {
			return nil, err
		}
		slices.Sort(out)
		out = slices.Compact(out)
	}
	return out, nil
}

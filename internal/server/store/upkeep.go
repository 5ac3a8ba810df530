package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
)

// Inspect opens a database to be looked at and copied: nothing is written, and its schema stays as it is. The server whose database it is
// may run meanwhile. Only View, Snapshot, Damage and Close may be called.
func Inspect(ctx context.Context, path string) (*Store, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open database: %w", err) // SQLite would make an empty one
	}
	s := &Store{now: time.Now, dialect: sqlite{}, durable: newDurability(path)}
	var err error
	s.reader, err = openSQLiteFile(ctx, path, "", readerPool)
	s.writer = s.reader
	return s, err
}

// Snapshot writes the database as it is now, in one consistent state, to a new file of mode 0600 and flushes it. Readers and writers go on
// meanwhile.
func (s *Store) Snapshot(ctx context.Context, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("make snapshot: %w", err)
	}
	defer f.Close()
	conn, err := s.reader.Conn(ctx)
	if err != nil {
		return fmt.Errorf("make snapshot: %w", err)
	}
	defer conn.Close()
	// "vacuum into" writes to another file only, which query_only cannot know. It is a connection of its own for so long.
	if _, err := conn.ExecContext(ctx, `pragma query_only = 0`); err != nil {
		return fmt.Errorf("make snapshot: %w", err)
	}
	_, err = conn.ExecContext(ctx, `vacuum into $1`, path)
	_, back := conn.ExecContext(context.WithoutCancel(ctx), `pragma query_only = 1`)
	if err := errors.Join(err, back); err != nil {
		return fmt.Errorf("make snapshot: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("flush snapshot: %w", err)
	}
	return nil
}

// Damage returns what is wrong with the database, each in a sentence, at most limit of them: pages that contradict each other, rows that
// break their constraints, and references into nothing. It reads the whole file.
func (s *Store) Damage(ctx context.Context, limit int) ([]string, error) {
	rows, err := s.reader.QueryContext(ctx, fmt.Sprintf(`pragma integrity_check(%d)`, limit))
	found, err := Collect(rows, err, func(rows *sql.Rows) (line string, err error) {
		err = rows.Scan(&line)
		return line, err
	})
	if err != nil {
		return nil, fmt.Errorf("check database: %w", err)
	}
	if len(found) == 1 && found[0] == "ok" {
		found = nil
	}
	rows, err = s.reader.QueryContext(ctx, `select "table", coalesce(rowid, 0), parent from pragma_foreign_key_check limit $1`, limit)
	broken, err := Collect(rows, err, func(rows *sql.Rows) (string, error) {
		var table, parent string
		var row int64
		err := rows.Scan(&table, &row, &parent)
		return fmt.Sprintf("row %d of %s refers to a %s that does not exist", row, table, parent), err
	})
	if err != nil {
		return nil, fmt.Errorf("check references: %w", err)
	}
	if found = append(found, broken...); len(found) > limit {
		found = found[:limit]
	}
	return found, nil
}

// Schema is the number of the newest migration that the database has.
func (s *Store) Schema(ctx context.Context) (version int64, err error) {
	err = s.reader.QueryRowContext(ctx, `select coalesce(max(version_id), 0) from goose_db_version where is_applied`).Scan(&version)
	if err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	return version, nil
}

// PurgeDeleted removes up to limit rows of a project that was deleted before, and the project itself once nothing is left of it. It
// reports whether there may be more to do. Small steps, because all other writers wait for each.
func (tx *Tx) PurgeDeleted(ctx context.Context, before time.Time, limit int) (more bool, err error) {
	var project string
	err = tx.QueryRow(ctx, `select id from project where deleted < $1 order by deleted, id limit 1`, Micros(before)).Scan(&project)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("find deleted project: %w", err)
	}
	if err := tx.Lock(ctx, InProject(project)); err != nil {
		return false, err
	}
	for _, step := range []string{
		`delete from alert where id in (select id from alert where project_id = $1 limit $2)`,
		`delete from metric_sample where metric_id in (select s.metric_id from report r join metric_part p on p.report_seq = r.seq
			join metric_sample s on s.metric_id >= p.first_id and s.metric_id < p.first_id + p.metrics where r.project_id = $1 limit $2)`,
		`delete from metric where (series_id, report_seq, iteration) in (select m.series_id, m.report_seq, m.iteration
			from testbed t join series s on s.testbed_id = t.id join metric m on m.series_id = s.id where t.project_id = $1 limit $2)`,
		`delete from metric_part where first_id in (select p.first_id from report r join metric_part p on p.report_seq = r.seq
			where r.project_id = $1 limit $2)`,
		`delete from report where seq in (select seq from report where project_id = $1 limit $2)`,
		`delete from series where id in (select s.id from testbed t join series s on s.testbed_id = t.id where t.project_id = $1 limit $2)`,
		`delete from benchmark where id in (select id from benchmark where project_id = $1 limit $2)`,
		`delete from git_commit where project_id = $1 and hash in (select hash from git_commit where project_id = $1 limit $2)`,
	} {
		res, err := tx.Exec(ctx, step, project, limit)
		if err != nil {
			return false, fmt.Errorf("purge project %s: %w", project, err)
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return true, err
		}
	}
	if _, err := tx.Exec(ctx, `delete from project where id = $1`, project); err != nil {
		return false, fmt.Errorf("purge project %s: %w", project, err)
	}
	return true, nil
}

// ForgetOutputs removes up to limit rows that name the raw outputs of jobs and reports that ended before; the results stay. The blobs go
// with the next collection. It returns how many rows went.
func (tx *Tx) ForgetOutputs(ctx context.Context, before time.Time, limit int) (int64, error) {
	return tx.inSteps(ctx, "forget outputs", before, limit,
		`delete from job_output where (job_id, epoch, iteration, kind, path) in (
			select o.job_id, o.epoch, o.iteration, o.kind, o.path from job j join job_output o on o.job_id = j.id
			where j.state in ('processed', 'failed', 'canceled') and j.completed < $1 limit $2)`,
		`delete from report_input where (report_id, iteration) in (
			select i.report_id, i.iteration from report r join report_input i on i.report_id = r.id
			where r.status <> 'pending' and r.end_time < $1 limit $2)`)
}

// ForgetLogs removes up to limit rows of live output of jobs that ended before.
func (tx *Tx) ForgetLogs(ctx context.Context, before time.Time, limit int) (int64, error) {
	return tx.inSteps(ctx, "forget live output", before, limit, `delete from job_log where (job_id, epoch, seq) in (
		select l.job_id, l.epoch, l.seq from job j join job_log l on l.job_id = j.id
		where j.state in ('processed', 'failed', 'canceled') and j.completed < $1 limit $2)`)
}

func (tx *Tx) inSteps(ctx context.Context, what string, before time.Time, limit int, steps ...string) (total int64, err error) {
	for _, step := range steps {
		res, err := tx.Exec(ctx, step, Micros(before), limit)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", what, err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return 0, fmt.Errorf("%s: %w", what, err)
		}
		total += n
	}
	return total, nil
}

// protect makes the database's files readable by their owner alone, also those that were there before.
func protect(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // SQLite gives its other files the mode of this one
	if err != nil {
		return nil // opening the database fails for the same reason, and has the words for it
	}
	if err := f.Close(); err != nil {
		return err
	}
	files, err := filepath.Glob(path + "*")
	if err != nil {
		return err
	}
	for _, file := range files {
		switch file {
		case path, path + "-wal", path + "-shm", path + "-journal":
			if err := os.Chmod(file, 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// FoldLog brings what is in the log of a SQLite database that nobody has open into its file, so that the file is all of it.
func FoldLog(ctx context.Context, path string) error {
	db, err := openSQLiteFile(ctx, path, "", writerPool)
	if err != nil {
		return err
	}
	defer db.Close()
	var busy, frames, folded int64
	if err := db.QueryRowContext(ctx, `pragma wal_checkpoint(truncate)`).Scan(&busy, &frames, &folded); err != nil {
		explained, _ := sqlite{}.explain(err)
		return explained
	}
	if busy != 0 {
		return fault.New(fault.Unavailable, "the database is being read, by a backup or a check; try again when it has ended")
	}
	return nil
}

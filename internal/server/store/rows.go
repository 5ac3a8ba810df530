package store

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
)

// Collect scans all rows with scan, in order, and closes them. The result is never nil, so that JSON has [] and not null.
func Collect[T any](rows *sql.Rows, err error, scan func(*sql.Rows) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// ExactlyOne turns a result that touched no row into a missing fault.
func ExactlyOne(res sql.Result, err error, what, name string) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.Missingf("%s %q does not exist", what, name)
	}
	return nil
}

// OneRow turns sql.ErrNoRows into a missing fault.
func OneRow(err error, what, name string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.Missingf("%s %q does not exist", what, name)
	}
	if err != nil {
		return fmt.Errorf("load %s %q: %w", what, name, err)
	}
	return nil
}

// Micros is a time as the database keeps it; MicrosPtr the same for one that may be absent.
func Micros(t time.Time) int64 { return t.UnixMicro() }

func MicrosPtr(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	us := t.UnixMicro()
	return &us
}

func TimeOf(us int64) time.Time { return time.UnixMicro(us).UTC() }

func TimePtr(us *int64) *time.Time {
	if us == nil {
		return nil
	}
	t := TimeOf(*us)
	return &t
}

// FoundRow turns sql.ErrNoRows into found = false.
func FoundRow[T any](row T, err error, doing string) (T, bool, error) {
	var none T
	if errors.Is(err, sql.ErrNoRows) {
		return none, false, nil
	}
	if err != nil {
		return none, false, fmt.Errorf("%s: %w", doing, err)
	}
	return row, true, nil
}

func ScanText(rows *sql.Rows) (string, error) {
	var s string
	err := rows.Scan(&s)
	return s, err
}

// Among says in SQL that a column is one of some numbers, and returns the arguments that this takes, from parameter $n on. One number is an
// argument: the statement is the same each time then, and is prepared once. Several are written into it.
func Among(column string, numbers []int64, n int) (condition string, args []any) {
	if len(numbers) == 1 {
		return fmt.Sprintf("%s = $%d", column, n), []any{numbers[0]}
	}
	return column + " in " + Integers(numbers), nil
}

package look

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tachograph/tacho/internal/core/change"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// seriesRow is one report of a series file.
type seriesRow struct {
	line   int
	value  float64
	commit string
	at     time.Time // zero: not given
}

// fileSeries is a series of versions; commits is empty or as long as values.
type fileSeries struct {
	values  []float64
	commits []string
}

// readSeries reads a series from CSV, JSON lines or plain numbers. name is the file's, for errors.
func readSeries(r io.Reader, name string, sorted bool) (fileSeries, error) {
	text, err := io.ReadAll(io.LimitReader(r, limits.SeriesFileBytes+1))
	if err != nil {
		return fileSeries{}, fmt.Errorf("read %s: %w", name, err)
	}
	if len(text) > limits.SeriesFileBytes {
		return fileSeries{}, fault.TooLargef("%s: it has more than %d MiB; cut it to its newest values", name, limits.SeriesFileBytes/limits.MiB)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	var rows []seriesRow
	if start := bytes.TrimLeft(text, " \t\r\n"); len(start) > 0 && start[0] == '{' {
		rows, err = jsonRows(text, name)
	} else {
		rows, err = csvRows(text, name)
	}
	if err != nil {
		return fileSeries{}, err
	}
	if len(rows) > limits.SeriesValues {
		return fileSeries{}, fault.TooLargef("%s: it has %d values, more than %d; cut it to its newest ones",
			name, len(rows), limits.SeriesValues)
	}
	if err := inTime(rows, name, sorted); err != nil {
		return fileSeries{}, err
	}
	return versions(rows), nil
}

// inTime holds rows against their times: they are oldest first, or are put in order when sorted asks for that.
func inTime(rows []seriesRow, name string, sorted bool) error {
	if sorted {
		for _, r := range rows {
			if r.at.IsZero() {
				return fault.Invalidf("%s:%d: no time, so it cannot be sorted; add a column time, or leave --sort out", name, r.line)
			}
		}
		slices.SortStableFunc(rows, func(a, b seriesRow) int { return a.at.Compare(b.at) })
	}
	var last seriesRow
	for _, r := range rows {
		if !r.at.IsZero() {
			if r.at.Before(last.at) {
				return fault.Invalidf("%s:%d: its time %s is before that of line %d; sort the file oldest first, or use --sort",
					name, r.line, r.at.Format(time.RFC3339), last.line)
			}
			last = r
		}
	}
	return nil
}

// versions makes one value of the rows of each commit, in the order in which the commits appear first.
func versions(rows []seriesRow) fileSeries {
	var s fileSeries
	var reports [][]float64
	known, named := map[string]int{}, false
	for _, r := range rows {
		if i, again := known[r.commit]; again && r.commit != "" {
			reports[i] = append(reports[i], r.value)
			continue
		}
		known[r.commit] = len(reports)
		named = named || r.commit != ""
		reports = append(reports, []float64{r.value})
		s.commits = append(s.commits, r.commit)
	}
	for _, of := range reports {
		s.values = append(s.values, change.Average(of))
	}
	if !named {
		s.commits = nil
	}
	return s
}

// csvRows reads rows with a header that names the columns value, commit and time, or numbers alone, one on each line.
func csvRows(text []byte, name string) (rows []seriesRow, err error) {
	read := csv.NewReader(bytes.NewReader(text))
	read.FieldsPerRecord, read.ReuseRecord, read.TrimLeadingSpace = -1, true, true
	first, _, _ := bytes.Cut(bytes.TrimLeft(text, "\r\n"), []byte("\n"))
	for _, comma := range ";\t" {
		if !bytes.ContainsRune(first, ',') && bytes.ContainsRune(first, comma) {
			read.Comma = comma
		}
	}
	value, commit, at := 0, -1, -1
	for n := 0; ; n++ {
		record, err := read.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if wrong, ok := errors.AsType[*csv.ParseError](err); ok {
			return nil, fault.Invalidf("%s:%d: not valid CSV: %v", name, wrong.Line, wrong.Err)
		} else if err != nil {
			return nil, err
		}
		line, _ := read.FieldPos(0)
		if n == 0 {
			if _, err := strconv.ParseFloat(strings.TrimSpace(record[0]), 64); err != nil || len(record) > 1 {
				if value, commit, at, err = columns(record, name, line); err != nil {
					return nil, err
				}
				continue
			}
		}
		row := seriesRow{line: line}
		if value >= len(record) {
			return nil, fault.Invalidf("%s:%d: no value: the row has %d columns; leave the row out", name, line, len(record))
		}
		if row.value, err = measurement(strings.TrimSpace(record[value])); err != nil {
			return nil, fault.Invalidf("%s:%d: %v", name, line, err)
		}
		if commit >= 0 && commit < len(record) {
			row.commit = strings.Clone(strings.TrimSpace(record[commit]))
		}
		if at >= 0 && at < len(record) {
			if row.at, err = moment(strings.TrimSpace(record[at])); err != nil {
				return nil, fault.Invalidf("%s:%d: %v", name, line, err)
			}
		}
		rows = append(rows, row)
	}
}

// columns finds the columns by their names.
func columns(header []string, name string, line int) (value, commit, at int, err error) {
	find := func(names ...string) int {
		return slices.IndexFunc(header, func(title string) bool {
			return slices.Contains(names, strings.ToLower(strings.TrimSpace(title)))
		})
	}
	value, commit, at = find("value"), find("commit", "version", "revision"), find("time", "date", "timestamp")
	if value < 0 {
		err = fault.Invalidf("%s:%d: no column value in %.100q; the first line names the columns: value, and commit and time if there are any",
			name, line, strings.Join(header, ","))
	}
	return value, commit, at, err
}

// jsonRows reads an object on each line.
func jsonRows(text []byte, name string) (rows []seriesRow, err error) {
	line := 0
	for each := range bytes.Lines(text) {
		line++
		if len(bytes.TrimSpace(each)) == 0 {
			continue
		}
		var row struct {
			Value  *float64        `json:"value"`
			Values json.RawMessage `json:"values"`
			Commit string          `json:"commit"`
			Time   json.RawMessage `json:"time"`
		}
		if err := json.Unmarshal(each, &row); err != nil {
			return nil, fault.Invalidf("%s:%d: not a JSON object with a number as value: %v", name, line, jsonReason(err))
		}
		if row.Value == nil {
			if row.Values != nil {
				return nil, fault.Invalidf("%s:%d: a whole series on a line; use 'tacho detect --json --batch <%s'", name, line, name)
			}
			return nil, fault.Invalidf("%s:%d: no value; leave the line out, or write {\"commit\":…,\"value\":…}", name, line)
		}
		r := seriesRow{line: line, value: *row.Value, commit: row.Commit}
		if len(row.Time) > 0 {
			if r.at, err = moment(strings.Trim(string(row.Time), `"`)); err != nil {
				return nil, fault.Invalidf("%s:%d: %v", name, line, err)
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// jsonReason is what is wrong with JSON, without Go's names.
func jsonReason(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("%s is a %s", wrong.Field, wrong.Value)
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// measurement reads a value.
func measurement(text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case text == "":
		return 0, errors.New("no value; leave the row out")
	case err != nil && !math.IsInf(v, 0):
		return 0, fmt.Errorf("value %.40q is not a number; write 12.5, without unit", text)
	case math.IsNaN(v) || math.IsInf(v, 0):
		return 0, fmt.Errorf("value %.40q is not a measurement; leave the row out", text)
	}
	return v, nil
}

// moment reads a time: RFC 3339, a date, or seconds since 1970.
func moment(text string) (time.Time, error) {
	if text == "" || text == "null" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(seconds) < 1e13 {
		whole, part := math.Modf(seconds)
		return time.Unix(int64(whole), int64(part*1e9)), nil
	}
	return time.Time{}, fmt.Errorf("time %.40q is not understood; write 2026-01-31T12:00:00Z, 2026-01-31, or seconds since 1970", text)
}

// batchLine is a series of a batch.
type batchLine struct {
	ID      json.RawMessage `json:"id"`
	Values  []*float64      `json:"values"`
	Commits []string        `json:"commits"`
}

// eachOfBatch calls do for each line of r.
func eachOfBatch(r io.Reader, name string, do func(id string, s fileSeries) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, limits.MiB), limits.SeriesFileBytes)
	line := 0
	for lines.Scan() {
		line++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		id, s, err := batchSeries(lines.Bytes())
		if err == nil {
			err = do(id, s)
		}
		if err != nil {
			if k := fault.Of(err); k == fault.Invalid || k == fault.TooLarge {
				return fault.New(k, "%s:%d: %s", name, line, fault.Message(err))
			}
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fault.TooLargef("%s:%d: the line has more than %d MiB; cut the series to its newest values", name, line+1,
			limits.SeriesFileBytes/limits.MiB)
	}
	return lines.Err()
}

// batchSeries reads one line of a batch.
func batchSeries(text []byte) (id string, s fileSeries, err error) {
	var line batchLine
	if err := json.Unmarshal(text, &line); err != nil {
		return "", s, fault.Invalidf("not an object with id and values, which is a list of numbers: %s", jsonReason(err))
	}
	if line.Values == nil {
		return "", s, fault.Invalidf("no values; write {\"id\":\"…\",\"values\":[…]}, oldest first")
	}
	if len(line.Values) > limits.SeriesValues {
		return "", s, fault.TooLargef("%d values, more than %d; cut the series to its newest ones", len(line.Values), limits.SeriesValues)
	}
	if n := len(line.Commits); n > 0 && n != len(line.Values) {
		return "", s, fault.Invalidf("%d commits for %d values; give one for each value, or none", n, len(line.Values))
	}
	for i, v := range line.Values {
		if v == nil {
			return "", s, fault.Invalidf("value %d is null; leave the point out", i+1)
		}
		s.values = append(s.values, *v)
	}
	s.commits = line.Commits
	if json.Unmarshal(line.ID, &id) != nil {
		id = string(line.ID) // a number
	}
	return id, s, nil
}

package event

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/series"
	"github.com/tachograph/tacho/internal/server/store"
)

const (
	keptOfALook  = 32 << 20 // bytes of values that one look keeps: the lines beyond are read from their metrics
	keptPerWrite = 1 << 20  // bytes of them in one transaction
	keptAtOnce   = 250      // lines whose values are unpacked at a time: change.Series holds up to 2,000 of each
)

// kept are the values of a line that a look has read, of its head's own versions from one on that were not let go. The values of versions
// that the head started from belong to another head, whose results may go away without news here, and are read each time.
type kept struct {
	from   int64 // where the head's own versions began
	values values
}

// next is the version from which on the line is to be read, given the oldest that there is news of.
func (k kept) next(oldest int64) int64 {
	if n := len(k.values.numbers); n > 0 {
		return min(oldest, k.values.numbers[n-1]+1)
	}
	return min(oldest, k.from)
}

// packedValues is a row of line_values. packed is nil if there is to be none.
type packedValues struct {
	lineKey
	packed []byte
}

const keptQuery = `select k.series_id, k.packed from line_values k where k.head_id = $1 and k.testbed_id = $2 and k.spec_id = $3
	and `

// keptOf returns what is kept of lines of a head, testbed and spec, keyed by series.
func keptOf(ctx context.Context, tx *store.Tx, at lineKey, seriesIDs []int64) (map[int64]kept, error) {
	out := make(map[int64]kept, len(seriesIDs))
	these, args := store.Among("k.series_id", seriesIDs, 4)
	rows, err := tx.Query(ctx, keptQuery+these, append([]any{at.HeadID, at.TestbedID, at.SpecID}, args...)...)
	_, err = store.Collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
		var packed sql.RawBytes
		if err = rows.Scan(&id, &packed); err == nil {
			out[id], err = unpackKept(packed)
		}
		return id, err
	})
	if err != nil {
		return nil, fmt.Errorf("read what is kept of lines: %w", err)
	}
	return out, nil
}

// saveKept writes what is kept of lines.
func saveKept(ctx context.Context, tx *store.Tx, rows []packedValues) error {
	for _, r := range rows {
		var err error
		if r.packed == nil {
			_, err = tx.Exec(ctx, `delete from line_values where head_id = $1 and testbed_id = $2 and spec_id = $3 and series_id = $4`,
				r.HeadID, r.TestbedID, r.SpecID, r.SeriesID)
		} else {
			_, err = tx.Exec(ctx, `insert into line_values (head_id, testbed_id, spec_id, series_id, packed) values ($1, $2, $3, $4, $5)
				on conflict (head_id, testbed_id, spec_id, series_id) do update set packed = excluded.packed`, r.HeadID, r.TestbedID, r.SpecID,
				r.SeriesID, r.packed)
		}
		if err != nil {
			return fmt.Errorf("keep values of series %d: %w", r.SeriesID, err)
		}
	}
	return nil
}

// dropKept forgets what is kept of the lines of a head and testbed.
func dropKept(ctx context.Context, tx *store.Tx, at report.Line) error {
	if _, err := tx.Exec(ctx, `delete from line_values where head_id = $1 and testbed_id = $2`, at.HeadID, at.TestbedID); err != nil {
		return fmt.Errorf("forget values of head %s: %w", at.HeadID, err)
	}
	return nil
}

// inChunks splits rows by the bytes that one transaction may write.
func inChunks(rows []packedValues) (out [][]packedValues) {
	size, from := 0, 0
	for i, r := range rows {
		if size += len(r.packed) + 200; size > keptPerWrite || i == len(rows)-1 {
			out, size, from = append(out, rows[from:i+1]), 0, i+1
		}
	}
	return out
}

// pack writes k as bytes: as varints from, how many values there are, and their versions as distances, the first from from; then the
// values.
func (k kept) pack() []byte {
	n := len(k.values.numbers)
	out := binary.AppendUvarint(binary.AppendUvarint(make([]byte, 0, 12+10*n), uint64(k.from)), uint64(n))
	before := k.from
	for _, number := range k.values.numbers {
		out, before = binary.AppendUvarint(out, uint64(number-before)), number
	}
	for _, x := range k.values.values {
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(x))
	}
	return out
}

func unpackKept(packed []byte) (kept, error) {
	at, cut := 0, false
	next := func() int64 {
		x, n := binary.Uvarint(packed[at:])
		at, cut = at+max(n, 0), cut || n <= 0
		return int64(x)
	}
	k := kept{from: next()}
	n := next()
	if cut || n < 0 || n > int64(len(packed)-at)/9 {
		return kept{}, fmt.Errorf("kept values: %d bytes are not of %d values", len(packed), n)
	}
	k.values = values{make([]int64, n), make([]float64, n)}
	before := k.from
	for i := range k.values.numbers {
		before += next()
		k.values.numbers[i] = before
	}
	if cut || int64(len(packed)-at) != 8*n {
		return kept{}, fmt.Errorf("kept values: %d bytes are not of %d values", len(packed), n)
	}
	for i := range k.values.values {
		k.values.values[i] = math.Float64frombits(binary.LittleEndian.Uint64(packed[at+8*i:]))
	}
	return k, nil
}

// ownFrom is where a head's own versions begin, if they are one stretch and the end of its history.
func ownFrom(headID string, stretches []series.Stretch) (from int64, is bool) {
	n := len(stretches)
	for i, s := range stretches {
		if own := s.HeadID == headID; own != (i == n-1) {
			return 0, false
		}
	}
	if n == 0 {
		return 0, false
	}
	return stretches[n-1].Low, true
}

// keep notes what is to be kept of a line whose values were read. had says that something is kept of it.
func (k *look) keep(l Line, read values, had bool) {
	row := packedValues{lineKey: l.lineKey}
	if k.keeps && k.keptBytes < keptOfALook {
		row.packed = kept{k.ownFrom, read.after(max(l.Frozen, k.ownFrom-1))}.pack()
		k.keptBytes += len(row.packed)
	}
	if row.packed != nil || had {
		k.kept = append(k.kept, row)
	}
}

package event

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/server/report"
	"github.com/tachograph/tacho/internal/server/store"
)

// band is what a line's row says of when the line is to be examined. It is kept packed, for bandSeries lines in one row, because nearly all
// lines of a report are left alone.
type band struct {
	seen, due int64
	low, high float64
	bounded   bool // low and high are known
}

func (l Line) band() band {
	b := band{seen: l.Seen, due: l.Due}
	if l.Low != nil && l.High != nil {
		b.low, b.high, b.bounded = *l.Low, *l.High, true
	}
	return b
}

// quiet says whether news of versions from oldest to newest say nothing of the line: all of its values are as expected, none of them is
// late, and it is not its turn.
func (b band) quiet(oldest, newest int64, s report.Span) bool {
	return b.bounded && b.seen < oldest && b.due > newest && b.low <= s.Low && s.High <= b.high
}

// odd says whether a value that is not as expected is all that the news say of the line, and whether that can wait for the version after:
// no change is shown that has only one value, and most such values are none. What is counted, and what is let alone for good, is never due
// and does not wait.
func (b band) odd(oldest, newest int64) bool {
	return b.bounded && oldest == newest && b.seen < oldest && b.due > newest+1 && b.due != math.MaxInt64
}

// bandSeries is how many series have their bands in one row: those whose number is the same above the lowest bits.
const (
	bandBits   = 10
	bandSeries = 1 << bandBits
)

// loud returns the lines of a head, testbed and spec that these reports say something of, by series and in order, and those that are to be
// examined at the version after.
func loud(ctx context.Context, tx *store.Tx, at lineKey, reports []measured, news []report.News) (out []int64, odd []oddLine, err error) {
	oldest, newest, seqs := int64(math.MaxInt64), int64(-1), make([]int64, len(reports))
	for i, r := range reports {
		oldest, newest, seqs[i] = min(oldest, r.number), max(newest, r.number), r.seq
	}
	if newest-oldest >= examinedEvery { // it is every line's turn
		out, err = report.SeriesIn(ctx, tx, seqs)
		return out, nil, err
	}
	slices.Sort(seqs)
	spans, err := report.SpansOf(ctx, tx, slices.DeleteFunc(slices.Clone(news), func(n report.News) bool {
		_, is := slices.BinarySearch(seqs, *n.ReportSeq)
		return !is
	}))
	if err != nil {
		return nil, nil, err
	}
	var blocks []int64
	for _, s := range spans {
		blocks = append(blocks, s.SeriesID>>bandBits)
	}
	bands, err := bandsIn(ctx, tx, at, slices.Compact(blocks))
	if err != nil {
		return nil, nil, err
	}
	for _, s := range spans {
		b, known := bands[s.SeriesID>>bandBits][s.SeriesID]
		switch {
		case known && b.quiet(oldest, newest, s):
		case known && b.odd(oldest, newest):
			at.SeriesID = s.SeriesID
			odd = append(odd, oddLine{at, newest + 1})
		default:
			out = append(out, s.SeriesID)
		}
	}
	return out, odd, nil
}

// oddLine is a line with one value that is not as expected.
type oddLine struct {
	lineKey
	due int64
}

// saveOdd writes when lines with an odd value are to be examined.
func saveOdd(ctx context.Context, tx *store.Tx, odd []oddLine) error {
	save, err := tx.Prepare(ctx, `update line set due = $5 where head_id = $1 and testbed_id = $2 and spec_id = $3 and series_id = $4`)
	if err != nil {
		return fmt.Errorf("prepare when lines are due: %w", err)
	}
	defer save.Close()
	for _, l := range odd {
		if _, err := save.ExecContext(ctx, l.HeadID, l.TestbedID, l.SpecID, l.SeriesID, l.due); err != nil {
			return fmt.Errorf("write when series %d is due: %w", l.SeriesID, err)
		}
	}
	return nil
}

const (
	bandsQuery = `select b.block, b.packed from line_band b where b.head_id = $1 and b.testbed_id = $2 and b.spec_id = $3
		and b.block in `
	blockQuery = `select ` + lineColumns + ` from line l where l.head_id = $1 and l.testbed_id = $2 and l.spec_id = $3
		and l.series_id >= $4 and l.series_id < $5`
)

// bandsIn returns the bands of blocks, by block and series: of a block that has no row, from those of its lines.
func bandsIn(ctx context.Context, tx *store.Tx, at lineKey, blocks []int64) (map[int64]map[int64]band, error) {
	out := make(map[int64]map[int64]band, len(blocks))
	rows, err := tx.Query(ctx, bandsQuery+store.Integers(blocks), at.HeadID, at.TestbedID, at.SpecID)
	_, err = store.Collect(rows, err, func(rows *sql.Rows) (block int64, err error) {
		var packed sql.RawBytes
		if err = rows.Scan(&block, &packed); err == nil {
			out[block], err = unpackBands(packed)
		}
		return block, err
	})
	if err != nil {
		return nil, fmt.Errorf("read what is expected of lines: %w", err)
	}
	for _, block := range blocks {
		if out[block] != nil {
			continue
		}
		rows, err := tx.Query(ctx, blockQuery, at.HeadID, at.TestbedID, at.SpecID, block<<bandBits, (block+1)<<bandBits)
		lines, err := store.Collect(rows, err, scanLine)
		if err != nil {
			return nil, fmt.Errorf("find lines of block %d: %w", block, err)
		}
		out[block] = make(map[int64]band, len(lines))
		for _, l := range lines {
			out[block][l.SeriesID] = l.band()
		}
	}
	return out, nil
}

// saveBands writes the bands of lines whose rows were written.
func saveBands(ctx context.Context, tx *store.Tx, lines []Line, odd []oddLine) error {
	places := map[lineKey]map[int64][]func(map[int64]band){} // of each head, testbed and spec, by block
	change := func(l lineKey, f func(map[int64]band)) {
		at, block := l, l.SeriesID>>bandBits
		if at.SeriesID = 0; places[at] == nil {
			places[at] = map[int64][]func(map[int64]band){}
		}
		places[at][block] = append(places[at][block], f)
	}
	for _, l := range lines {
		change(l.lineKey, func(bands map[int64]band) { bands[l.SeriesID] = l.band() })
	}
	for _, l := range odd {
		change(l.lineKey, func(bands map[int64]band) {
			b := bands[l.SeriesID]
			b.due = l.due
			bands[l.SeriesID] = b
		})
	}
	for at, blocks := range places {
		all, err := bandsIn(ctx, tx, at, slices.Sorted(maps.Keys(blocks)))
		if err != nil {
			return err
		}
		for block, changes := range blocks {
			bands := all[block]
			for _, f := range changes {
				f(bands)
			}
			if _, err := tx.Exec(ctx, `insert into line_band (head_id, testbed_id, spec_id, block, packed) values ($1, $2, $3, $4, $5)
				on conflict (head_id, testbed_id, spec_id, block) do update set packed = excluded.packed`, at.HeadID, at.TestbedID, at.SpecID,
				block, packBands(bands)); err != nil {
				return fmt.Errorf("write what is expected of lines: %w", err)
			}
		}
	}
	return nil
}

// dropBands forgets what was packed of the lines of a head and testbed. Their rows say it, too.
func dropBands(ctx context.Context, tx *store.Tx, at report.Line) error {
	if _, err := tx.Exec(ctx, `delete from line_band where head_id = $1 and testbed_id = $2`, at.HeadID, at.TestbedID); err != nil {
		return fmt.Errorf("forget what is expected of lines: %w", err)
	}
	return nil
}

// packBands writes bands as bytes, in order of series. For each as varints: the distance from the series before, twice the version after
// the one seen and odd if there are bounds, and when it is due; then the bounds.
func packBands(bands map[int64]band) []byte {
	ids := slices.Sorted(maps.Keys(bands))
	out := make([]byte, 0, 24*len(ids))
	before := int64(0)
	for _, id := range ids {
		b := bands[id]
		seen := uint64(b.seen+1) << 1
		if b.bounded {
			seen |= 1
		}
		for _, x := range []uint64{uint64(id - before), seen, uint64(b.due)} {
			out = binary.AppendUvarint(out, x)
		}
		if b.bounded {
			out = binary.LittleEndian.AppendUint64(out, math.Float64bits(b.low))
			out = binary.LittleEndian.AppendUint64(out, math.Float64bits(b.high))
		}
		before = id
	}
	return out
}

func unpackBands(packed []byte) (map[int64]band, error) {
	out := make(map[int64]band, len(packed)/20)
	id := int64(0)
	for len(packed) > 0 {
		var numbers [3]uint64
		at, cut := 0, false
		for i := range numbers {
			x, n := binary.Uvarint(packed[at:])
			numbers[i], at, cut = x, at+max(n, 0), cut || n <= 0
		}
		b := band{seen: int64(numbers[1]>>1) - 1, due: int64(numbers[2]), bounded: numbers[1]&1 == 1}
		if b.bounded && len(packed) >= at+16 {
			b.low = math.Float64frombits(binary.LittleEndian.Uint64(packed[at:]))
			b.high = math.Float64frombits(binary.LittleEndian.Uint64(packed[at+8:]))
			at += 16
		} else if b.bounded || cut {
			return nil, fmt.Errorf("what is expected of lines is cut off after %d of them", len(out))
		}
		id, packed = id+int64(numbers[0]), packed[at:]
		out[id] = b
	}
	return out, nil
}

package report

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/tachograph/tacho/internal/server/store"
)

// Span is what reports say of a line: the least and the largest value.
type Span struct {
	SeriesID  int64
	Low, High float64
}

// with is the span of s and another one of its line.
func (s Span) with(o Span) Span {
	return Span{s.SeriesID, min(s.Low, o.Low), max(s.High, o.High)}
}

// merged are spans in order of series, one for each.
func merged(spans []Span) []Span {
	slices.SortFunc(spans, func(a, b Span) int { return cmp.Compare(a.SeriesID, b.SeriesID) })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && out[n-1].SeriesID == s.SeriesID {
			out[n-1] = out[n-1].with(s)
		} else {
			out = append(out, s)
		}
	}
	return out
}

func spansOf(values []value) []Span {
	out := make([]Span, len(values))
	for i, v := range values {
		out[i] = Span{v.metric.SeriesID, v.metric.Value, v.metric.Value}
	}
	return merged(out)
}

// packSpans writes spans, which are in order of series, as bytes. For each: twice the distance from the series before, as a varint, odd if
// there are two values; then the least and, if it is another one, the largest value.
func packSpans(spans []Span) []byte {
	out := make([]byte, 0, 11*len(spans))
	before := int64(0)
	for _, s := range spans {
		step := uint64(s.SeriesID-before) << 1
		if s.Low != s.High {
			step |= 1
		}
		out = binary.LittleEndian.AppendUint64(binary.AppendUvarint(out, step), math.Float64bits(s.Low))
		if s.Low != s.High {
			out = binary.LittleEndian.AppendUint64(out, math.Float64bits(s.High))
		}
		before = s.SeriesID
	}
	return out
}

func unpackSpans(packed []byte) ([]Span, error) {
	out := make([]Span, 0, len(packed)/9)
	id := int64(0)
	for len(packed) > 0 {
		step, n := binary.Uvarint(packed)
		values := 1 + int(step&1)
		if n <= 0 || len(packed) < n+8*values {
			return nil, fmt.Errorf("what a report says of lines is cut off after %d of them", len(out))
		}
		id += int64(step >> 1)
		s := Span{SeriesID: id, Low: math.Float64frombits(binary.LittleEndian.Uint64(packed[n:]))}
		s.High = math.Float64frombits(binary.LittleEndian.Uint64(packed[n+8*(values-1):]))
		packed = packed[n+8*values:]
		out = append(out, s)
	}
	return out, nil
}

// SpansOf returns what the reports of news say of their lines, in order of series: from the news where it is said there, else from the
// metrics.
func SpansOf(ctx context.Context, tx *store.Tx, news []News) ([]Span, error) {
	var out []Span
	var unsaid []int64 // reports
	for chunk := range slices.Chunk(news, store.IDsPerQuery) {
		seqs := make([]int64, len(chunk))
		for i, n := range chunk {
			seqs[i] = n.Seq
		}
		these, args := store.Among("seq", seqs, 1)
		rows, err := tx.Query(ctx, `select report_seq, spans from line_news where report_seq is not null and `+these, args...)
		_, err = store.Collect(rows, err, func(rows *sql.Rows) (seq int64, err error) {
			var packed sql.RawBytes
			if err = rows.Scan(&seq, &packed); err != nil {
				return seq, err
			}
			if packed == nil {
				unsaid = append(unsaid, seq)
				return seq, nil
			}
			spans, err := unpackSpans(packed)
			out = append(out, spans...)
			return seq, err
		})
		if err != nil {
			return nil, fmt.Errorf("read what reports say: %w", err)
		}
		out = merged(out)
	}
	for _, seq := range unsaid {
		ids, err := SeriesIn(ctx, tx, []int64{seq})
		if err != nil {
			return nil, err
		}
		for chunk := range slices.Chunk(ids, store.IDsPerQuery) {
			rows, err := tx.Query(ctx, spansQuery+store.Integers(chunk)+` group by m.series_id`, seq)
			found, err := store.Collect(rows, err, func(rows *sql.Rows) (s Span, err error) { return s, rows.Scan(&s.SeriesID, &s.Low, &s.High) })
			if err != nil {
				return nil, fmt.Errorf("read what report %d says: %w", seq, err)
			}
			out = append(out, found...)
		}
		out = merged(out)
	}
	return out, nil
}

const spansQuery = `select m.series_id, min(m.value), max(m.value) from metric m where m.report_seq = $1 and m.series_id in `

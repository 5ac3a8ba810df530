package explore

import (
	"math"
	"strconv"
	"time"

	"github.com/tachograph/tacho/internal/core/ident"
)

// What is written for each point is appended to a buffer, field by field. It is what encoding/json writes, which a test compares.

// appendNumber writes a number as encoding/json does: the shortest form that reads back as the same, with an exponent for what is very
// large or very small (ECMA-262, Number::toString).
func appendNumber(b []byte, v float64) []byte {
	format := byte('f')
	if size := math.Abs(v); size != 0 && (size < 1e-6 || size >= 1e21) {
		format = 'e'
	}
	if format == 'f' && v == math.Trunc(v) && math.Abs(v) < 1e15 && (v != 0 || !math.Signbit(v)) {
		return strconv.AppendInt(b, int64(v), 10) // most values are whole nanoseconds
	}
	b = strconv.AppendFloat(b, v, format, -1, 64)
	if n := len(b); format == 'e' && n >= 4 && b[n-4] == 'e' && (b[n-3] == '-' || b[n-3] == '+') && b[n-2] == '0' {
		b[n-2] = b[n-1] // e-09 is e-9
		b = b[:n-1]
	}
	return b
}

// appendOptional writes a member of an object if it is there.
func appendOptional(b []byte, name string, v float64) []byte {
	if math.IsNaN(v) {
		return b
	}
	return appendNumber(append(b, name...), v)
}

func appendTime(b []byte, t time.Time) []byte {
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

func appendMetricUUID(b []byte, id int64) []byte {
	return append(ident.AppendMetricUUID(append(b, '"'), id), '"')
}

// appendList writes an array, one element after the other.
func appendList[T any](b []byte, name string, list []T, element func([]byte, *T) []byte) []byte {
	b = append(append(b, name...), '[')
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = element(b, &list[i])
	}
	return append(b, ']')
}

// appendColumn writes an array of numbers that may be absent, null for each that is; nothing if all are.
func appendColumn(b []byte, name string, points []point, of func(*point) float64) []byte {
	some := false
	for i := range points {
		if some = !math.IsNaN(of(&points[i])); some {
			break
		}
	}
	if !some {
		return b
	}
	return appendList(b, name, points, func(b []byte, p *point) []byte {
		v := of(p)
		if math.IsNaN(v) {
			return append(b, "null"...)
		}
		return appendNumber(b, v)
	})
}

package read

import (
	"bytes"
	"errors"
	"math"
	"strconv"
)

// powers of ten that a float64 holds exactly.
var powers = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
	1e20, 1e21, 1e22}

// decimal reads the number of RFC 8259's grammar at the beginning of in: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?. n is its
// length; 0: there is none. It is exact, and v its value, where it needs no rounding twice: a mantissa below 2^53 and a power of ten of at
// most 22 (Clinger's fast path, PLDI 1990). For all others strconv must be asked.
func decimal(in []byte) (v float64, n int, exact bool) {
	at := 0
	if len(in) > 0 && in[0] == '-' {
		at = 1
	}
	var mantissa uint64
	begin := at
	for ; at < len(in); at++ {
		d := in[at] - '0'
		if d > 9 {
			break
		}
		mantissa = mantissa*10 + uint64(d)
	}
	digits := at - begin
	if digits == 0 || digits > 1 && in[begin] == '0' {
		return 0, 0, false
	}
	scale := 0
	if at < len(in) && in[at] == '.' {
		at++
		point := at
		for ; at < len(in); at++ {
			d := in[at] - '0'
			if d > 9 {
				break
			}
			mantissa = mantissa*10 + uint64(d)
		}
		if scale = at - point; scale == 0 {
			return 0, 0, false
		}
		digits += scale
	}
	power := -scale
	if at < len(in) && in[at]|0x20 == 'e' {
		exponent, length := exponentAt(in[at:])
		if length == 0 {
			return 0, 0, false
		}
		at += length
		power += exponent
	}
	if digits > 19 || mantissa >= 1<<53 || power <= -len(powers) || power >= len(powers) {
		return 0, at, false
	}
	if v = float64(mantissa); power < 0 {
		v /= powers[-power]
	} else {
		v *= powers[power]
	}
	if begin == 1 {
		v = -v
	}
	return v, at, true
}

// numberLength is the length of the number that decimal reads; 0: there is none.
func numberLength(in []byte) int {
	at := 0
	if len(in) > 0 && in[0] == '-' {
		at = 1
	}
	begin := at
	for at < len(in) && IsDigit(in[at]) {
		at++
	}
	if digits := at - begin; digits == 0 || digits > 1 && in[begin] == '0' {
		return 0
	}
	if at < len(in) && in[at] == '.' {
		point := at + 1
		for at = point; at < len(in) && IsDigit(in[at]); at++ {
		}
		if at == point {
			return 0
		}
	}
	if at < len(in) && in[at]|0x20 == 'e' {
		_, length := exponentAt(in[at:])
		if length == 0 {
			return 0
		}
		at += length
	}
	return at
}

// exponentAt reads "e-12" at the beginning of in; a length of 0: it is none. An exponent that no float64 has is 9999.
func exponentAt(in []byte) (exponent, length int) {
	at := 1
	negative := false
	if at < len(in) && (in[at] == '-' || in[at] == '+') {
		negative = in[at] == '-'
		at++
	}
	begin := at
	for ; at < len(in) && IsDigit(in[at]); at++ {
		exponent = min(9999, exponent*10+int(in[at]-'0'))
	}
	if at == begin {
		return 0, 0
	}
	if negative {
		exponent = -exponent
	}
	return exponent, at
}

// Number reads a value as programs print it, without grouping of its digits: NaN and +Inf are among them, and what is out of range is an
// infinity. Hexadecimal and underscores are not numbers here. False if it is not a number.
func Number(word []byte) (float64, bool) {
	if v, n, exact := decimal(word); exact && n == len(word) {
		return v, true
	}
	if len(word) == 0 || len(word) > numberBytes {
		return 0, false
	}
	for _, c := range word { // what is no number at all is common, and strconv's errors are dear
		if !inNumber[c] && !inInfinity[c] {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(word), 64)
	if errors.Is(err, strconv.ErrRange) && math.IsInf(v, 0) {
		err = nil
	}
	return v, err == nil
}

// inInfinity has the letters of nan and infinity.
var inInfinity = func() (in [256]bool) {
	for _, c := range []byte("nanifityNANIFITY") {
		in[c] = true
	}
	return in
}()

// GroupedNumber reads a number whose whole digits may be grouped in threes with the given byte, and whose fraction stands behind the other
// of point and comma: with ',' "1,234.5", with '.' "1.234,5". Groups of another length are no number, so that a decimal comma is never
// taken for a grouping one.
func GroupedNumber(word []byte, group byte) (float64, bool) {
	decimal := byte('.')
	if group == '.' {
		decimal = ','
	} else if bytes.IndexByte(word, group) < 0 { // as most numbers
		return Number(word)
	}
	var room [64]byte
	plain := room[:0]
	run, groups, fraction := 0, 0, false
	for i, c := range word {
		switch {
		case c == group && !fraction:
			if run == 0 || run > 3 || groups > 0 && run != 3 {
				return 0, false
			}
			groups++
			run = 0
		case c == decimal && !fraction:
			if groups > 0 && run != 3 {
				return 0, false
			}
			fraction = true
			plain = append(plain, '.')
		case IsDigit(c):
			run++
			plain = append(plain, c)
		case i == 0 && (c == '-' || c == '+'):
			plain = append(plain, c)
		default:
			return Number(word)
		}
	}
	if groups > 0 && (!fraction && run != 3 || len(plain) > 1 && bytes.TrimLeft(plain, "+-")[0] == '0') { // "0,123" has a decimal comma
		return 0, false
	}
	return Number(plain)
}

// Finite reports whether the value is neither an infinity nor NaN.
func Finite(v float64) bool { return v-v == 0 } // of an infinity and of NaN the difference is NaN

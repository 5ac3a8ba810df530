package registry

import (
	"strconv"
	"strings"
)

// byteRange is a part of a blob: length bytes from start.
type byteRange struct{ start, length int64 }

// parseRange reads a Range header for a blob of size bytes. ok is false where the header is to be ignored, as HTTP wants it for other
// units, several ranges and nonsense; the answer is then the whole blob. satisfiable is false for a sound range outside the blob.
func parseRange(header string, size int64) (r byteRange, satisfiable, ok bool) {
	unit, set, found := strings.Cut(header, "=")
	if !found || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return byteRange{}, false, false
	}
	first, last, found := strings.Cut(strings.TrimSpace(set), "-")
	if !found {
		return byteRange{}, false, false
	}
	if first == "" { // the last n bytes
		n, ok := parseCount(last)
		if !ok {
			return byteRange{}, false, false
		}
		n = min(n, size)
		return byteRange{size - n, n}, n > 0, true
	}
	start, ok := parseCount(first)
	if !ok {
		return byteRange{}, false, false
	}
	end := size - 1
	if last != "" {
		n, ok := parseCount(last)
		if !ok || n < start {
			return byteRange{}, false, false
		}
		end = min(end, n)
	}
	if start >= size {
		return byteRange{}, false, true
	}
	return byteRange{start, end - start + 1}, true, true
}

// parseContentRange reads the Content-Range of a chunk, "first-last", both inclusive, as the distribution specification has it. The
// form of RFC 9110, "bytes first-last/total", is understood too.
func parseContentRange(header string) (byteRange, bool) {
	s := strings.TrimSpace(header)
	if rest, isRFC := strings.CutPrefix(s, "bytes "); isRFC {
		s, _, _ = strings.Cut(rest, "/")
	}
	first, last, found := strings.Cut(s, "-")
	if !found {
		return byteRange{}, false
	}
	start, ok := parseCount(first)
	if !ok {
		return byteRange{}, false
	}
	end, ok := parseCount(last)
	if !ok || end < start {
		return byteRange{}, false
	}
	return byteRange{start, end - start + 1}, true
}

// parseCount reads a number of bytes: digits only, below 2^62 so that sums of two cannot overflow.
func parseCount(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n < 1<<62
}

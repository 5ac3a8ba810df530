package adapter

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"unicode/utf16"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// Gatling's simulation.log from version 3.11 on is binary, big-endian. A record begins with a byte: 0 the run (version, class, start as 8
// bytes, description, scenarios and assertions as counted lists), which is the first; 1 a request (groups, name, start, end, whether it
// succeeded, message); 2 a user (scenario, whether it starts, time); 3 a group (groups, start, end, sum of its requests' times, whether it
// succeeded); 4 an error (message, time). Numbers have 4 bytes, times are milliseconds since the run's start. A text is its length, its
// bytes and how the JVM has them: 0 for Latin-1, 1 for UTF-16 in the machine's own order, which is little-endian on all that Gatling runs
// on; an empty one is its length alone. Texts of records are numbered: a new one is its number and the text, one that came before the
// number below zero. The first such logs have neither numbers nor the byte behind a text, which is UTF-8.
type gatlingBinary struct {
	s     *read.Scanner
	old   bool // of the first such logs
	texts map[int32]string
	bytes []byte
}

// gatlingNeedles begin a binary log: the run, the length of the version and its first digits.
var gatlingNeedles = []string{"\x00\x00\x00\x00\x063.", "\x00\x00\x00\x00\x073.", "\x00\x00\x00\x00\x083.", "\x00\x00\x00\x00\x093."}

// errGatlingEnd is the end within a record: the log of a run that was broken off has one.
var errGatlingEnd = errors.New("it ends within a record")

// errGatlingText is for a log whose bytes are no longer what Gatling wrote: read as text, each that was none became a replacement
// character, and what stands behind it would be any number.
var errGatlingText = errors.New("it was read as text on its way here, and its bytes are lost")

// What tells that: replacement characters at its beginning, or a run that began at no time, in milliseconds since 1970.
const (
	gatlingLook     = 4096
	gatlingEarliest = 1_262_304_000_000 // 2010
	gatlingLatest   = 7_258_118_400_000 // 2200
)

// gatlingTexts bounds how many texts are kept, and what one may have.
const (
	gatlingTexts     = limits.BenchmarksPerIteration
	gatlingTextBytes = limits.AdapterLineBytes
	gatlingParts     = 1_000 // of a path of groups
)

func (b *gatlingBinary) take(n int) ([]byte, error) {
	b.s.Ensure(n)
	window := b.s.Window()
	if len(window) < n {
		return nil, errGatlingEnd
	}
	b.s.Pass(n)
	return window[:n], nil
}

func (b *gatlingBinary) byte() (byte, error) {
	raw, err := b.take(1)
	if err != nil {
		return 0, err
	}
	return raw[0], nil
}

func (b *gatlingBinary) number() (int32, error) {
	raw, err := b.take(4)
	if err != nil {
		return 0, err
	}
	return int32(binary.BigEndian.Uint32(raw)), nil
}

// count is a number of things that follow, or of bytes.
func (b *gatlingBinary) count(most int) (int, error) {
	n, err := b.number()
	if err == nil && (n < 0 || int(n) > most) {
		err = b.s.Fail("Gatling: want a length, found %d", n)
	}
	return int(n), err
}

// text reads a text in full; what is too long for a name or a message is cut.
func (b *gatlingBinary) text() (string, error) {
	n, err := b.count(gatlingTextBytes)
	if err != nil || n == 0 {
		return "", err
	}
	raw, err := b.take(n)
	if err != nil {
		return "", err
	}
	b.bytes = append(b.bytes[:0], raw[:min(n, 4*limits.BenchmarkNameBytes)]...)
	if b.old {
		return strings.ToValidUTF8(string(b.bytes), "?"), nil
	}
	coder, err := b.byte()
	if err != nil {
		return "", err
	}
	if coder == 0 {
		var out strings.Builder
		for _, c := range b.bytes {
			out.WriteRune(rune(c))
		}
		return out.String(), nil
	}
	units := make([]uint16, len(b.bytes)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b.bytes[2*i:])
	}
	return string(utf16.Decode(units)), nil
}

// name reads a text of a record.
func (b *gatlingBinary) name() (string, error) {
	if b.old {
		return b.text()
	}
	n, err := b.number()
	if err != nil {
		return "", err
	}
	if n < 0 {
		known, ok := b.texts[-n]
		if n == math.MinInt32 || !ok {
			return "", b.s.Fail("Gatling: the text %d was not there before", n)
		}
		return known, nil
	}
	out, err := b.text()
	if err == nil && len(b.texts) >= gatlingTexts {
		err = fault.TooLargef("Gatling: more than %d names and messages", gatlingTexts)
	}
	if err == nil {
		b.texts[n] = out
	}
	return out, err
}

// path reads a path of groups.
func (b *gatlingBinary) path() (string, error) {
	n, err := b.count(gatlingParts)
	var parts []string
	for range n {
		if err != nil {
			break
		}
		var part string
		part, err = b.name()
		parts = append(parts, part)
	}
	return joinNames(" / ", parts...), err
}

// begin reads the record of the run and returns Gatling's version.
func (b *gatlingBinary) begin() (version string, err error) {
	b.s.Ensure(gatlingLook)
	if window := b.s.Window(); bytes.Count(window[:min(len(window), gatlingLook)], []byte("\ufffd")) > 1 {
		return "", errGatlingText
	}
	if _, err := b.byte(); err != nil {
		return "", err
	}
	b.old = true
	if version, err = b.text(); err != nil {
		return "", err
	}
	// Then the class follows, which has a name: a length of 0 is the byte behind a text, and a part of the length.
	if b.s.Ensure(5); len(b.s.Window()) < 5 {
		return version, errGatlingEnd
	}
	if next := b.s.Window()[:5]; binary.BigEndian.Uint32(next) == 0 || next[0] == 1 {
		b.old = false
		b.s.Pass(1)
	}
	if _, err = b.text(); err != nil {
		return version, err
	}
	start, err := b.take(8)
	if err != nil {
		return version, err
	}
	if at := binary.BigEndian.Uint64(start); at < gatlingEarliest || at > gatlingLatest {
		return version, errGatlingText
	}
	if _, err = b.text(); err != nil {
		return version, err
	}
	scenarios, err := b.count(gatlingTexts)
	for range scenarios {
		if err == nil {
			_, err = b.text()
		}
	}
	if err != nil {
		return version, err
	}
	assertions, err := b.count(gatlingTexts)
	for range assertions {
		if err != nil {
			break
		}
		var n int
		if n, err = b.count(gatlingTextBytes); err == nil {
			_, err = b.take(n)
		}
	}
	return version, err
}

// record reads the next record.
func (b *gatlingBinary) record(g *gathering, log *requestLog) error {
	kind, err := b.byte()
	if err != nil {
		return err
	}
	var groups, name, message string
	var start, end, sum int32
	var ok byte
	numbers := func(to ...*int32) {
		for _, n := range to {
			if err == nil {
				*n, err = b.number()
			}
		}
	}
	switch kind {
	case 1:
		if groups, err = b.path(); err == nil {
			name, err = b.name()
		}
		if numbers(&start, &end); err == nil {
			ok, err = b.byte()
		}
		if err == nil {
			message, err = b.name()
		}
	case 2:
		if numbers(&start); err == nil {
			_, err = b.byte()
		}
		numbers(&end)
		return err
	case 3:
		groups, err = b.path()
		if numbers(&start, &end, &sum); err == nil {
			ok, err = b.byte()
		}
	case 4:
		message, err = b.name()
		if numbers(&end); err == nil {
			g.problem("", 0, "%s", message)
		}
		return err
	default:
		return b.s.Fail("Gatling: want a record, found one of kind %d", kind)
	}
	if err != nil {
		return err
	}
	name = joinNames(" / ", groups, name)
	r, err := log.row([]byte(name), func() string { return name })
	if err != nil {
		return err
	}
	took := read.Opt{Value: float64(end-start) * 1e6, OK: end >= start}
	switch {
	case kind == 3 && ok == 1:
		r.take(read.Opt{}, took, read.Opt{Value: float64(sum) * 1e6, OK: sum >= 0})
	case kind == 3: // one of its requests failed, and is counted
	case ok != 1:
		log.n++
		if message == "" {
			message = "KO"
		}
		r.fail([]byte(message), 0)
	default:
		log.n++
		r.take(took)
	}
	return nil
}

// gatlingBinaryLog reads a binary simulation.log. What cannot be understood ends the reading: what was read before counts.
func gatlingBinaryLog(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	b := gatlingBinary{s: s, texts: map[int32]string{}}
	log := newRequestLog(unit.Latency, groupDuration, groupResponse)
	version, err := b.begin()
	if err != nil {
		return Results{}, fault.Invalidf("Gatling: the binary simulation.log of version %.20q is not understood (%v); give js/stats.json of its report instead", version, err)
	}
	for err == nil && (len(s.Window()) > 0 || s.More()) {
		err = b.record(&g, log)
	}
	switch {
	case fault.Is(err, fault.TooLarge):
		return Results{}, err
	case err != nil:
		g.problem("", 0, "the simulation.log of Gatling %.20s is not whole: %v", version, err)
		s.Drain()
	}
	log.report(&g, opts)
	return g.results(opts, "%d requests in a binary log of Gatling "+strings.ReplaceAll(shorten(version, 20), "%", ""), log.n)
}

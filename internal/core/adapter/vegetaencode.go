package adapter

import (
	"bytes"
	"math"

	"github.com/tachograph/tacho/internal/core/adapter/read"
	"github.com/tachograph/tacho/internal/core/unit"
)

// vegeta encode writes each request: as JSON {"attack", "seq", "code", "timestamp", "latency", "bytes_out", "bytes_in", "error", "method",
// "url"} on a line, or as CSV without a header: time, status, latency, bytes out, bytes in, error, body, attack, number, method, address,
// headers; latencies are nanoseconds. vegeta report -type=hdrplot prints "Value(ms)  Percentile  TotalCount  1/(1-Percentile)" and rows of
// such numbers.

// vegetaRequest is one request.
type vegetaRequest struct {
	attack, method, url, why string
	code, latency, in, out   read.Opt
}

// newVegetaLog gathers requests.
func newVegetaLog() *requestLog { return newRequestLog(unit.Latency, responseSize, requestSize) }

func (v vegetaRequest) add(log *requestLog, g *gathering, line int) error {
	name := joinNames(" / ", v.attack, joinNames(" ", v.method, v.url))
	if name == "" {
		name = "vegeta"
	}
	r, err := log.row([]byte(name), func() string { return name })
	switch log.n++; {
	case err != nil:
		return err
	case v.why != "" || v.code.OK && (v.code.Value < 200 || v.code.Value >= 400):
		if v.why == "" {
			v.why = "status " + shortFloat(v.code.Value)
		}
		r.fail([]byte(v.why), line)
	case !v.latency.OK:
		g.problem(name, line, "a request has no latency")
	default:
		r.take(v.latency, v.in, v.out)
	}
	return nil
}

// member takes a member of a line of vegeta encode.
func (v *vegetaRequest) member(s *read.Scanner, key []byte) (known bool, err error) {
	switch string(key) {
	case "attack":
		return true, s.Str(&v.attack)
	case "method":
		return true, s.Str(&v.method)
	case "url":
		return true, s.Str(&v.url)
	case "error":
		return true, s.Str(&v.why)
	case "code":
		return true, s.Opt(&v.code)
	case "latency":
		return true, s.Opt(&v.latency)
	case "bytes_in":
		return true, s.Opt(&v.in)
	case "bytes_out":
		return true, s.Opt(&v.out)
	}
	return false, nil
}

// vegetaEncodedJSON reads lines of JSON.
func vegetaEncodedJSON(s *read.Scanner, opts Options) (Results, error) {
	var g gathering
	log := newVegetaLog()
	for s.Peek() == '{' {
		line, _ := s.Position()
		var v vegetaRequest
		if err := s.Object(func(key []byte) error {
			if known, err := v.member(s, key); known {
				return err
			}
			return s.Skip()
		}); err != nil && log.n > 0 {
			g.problem("", line, "what follows is not read: %v", err)
			s.Drain()
			break
		} else if err != nil {
			return Results{}, err
		}
		if err := v.add(log, &g, line); err != nil {
			return Results{}, err
		}
	}
	log.report(&g, opts)
	return g.results(opts, "%d requests of vegeta", log.n)
}

// vegetaCSVRow reads a row of vegeta encode -to csv; not ok: it is none.
func vegetaCSVRow(line []byte) (v vegetaRequest, ok bool) {
	if len(line) < 19 || !read.IsDigit(line[0]) || !read.IsDigit(line[18]) {
		return v, false
	}
	fields := read.SplitRow(nil, line, ',')
	if len(fields) < 9 {
		return v, false
	}
	value := func(i int) read.Opt {
		n, ok := read.Number(fields[i])
		return read.Opt{Value: n, OK: ok && read.Finite(n)}
	}
	v.code, v.latency, v.out, v.in = value(1), value(2), value(3), value(4)
	v.why, v.attack = string(fields[5]), string(fields[7])
	if len(fields) > 10 {
		v.method, v.url = string(fields[9]), string(fields[10])
	}
	return v, value(0).OK && v.code.OK && v.latency.OK
}

// vegetaPlotRow reads a row of a plot: a percentile that is kept, and its time; not ok: it is none.
func vegetaPlotRow(line []byte) (point string, nanos, count float64, ok bool) {
	words := bytes.Fields(line)
	if len(words) != 4 {
		return "", 0, 0, false
	}
	value, ok1 := read.Number(words[0])
	part, ok2 := read.Number(words[1])
	count, ok3 := read.Number(words[2])
	if !ok1 || !ok2 || !ok3 || part < 0 || part > 1 {
		return "", 0, 0, false
	}
	p := math.Round(part*1e6) / 1e4
	switch {
	case p == 100:
		point = "max"
	case p > 0 && p == math.Trunc(p), p == 99.9, p == 99.99:
		point = "p" + shortFloat(p)
	}
	return point, value * 1e6, count, true
}

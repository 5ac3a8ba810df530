package adapter

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// gatlingWriter writes as Gatling does.
type gatlingWriter struct {
	out   []byte
	old   bool
	known map[string]int32
}

func (w *gatlingWriter) byte(v byte) { w.out = append(w.out, v) }

func (w *gatlingWriter) number(v int32) { w.out = binary.BigEndian.AppendUint32(w.out, uint32(v)) }

func (w *gatlingWriter) numbers(v ...int32) {
	for _, n := range v {
		w.number(n)
	}
}

func (w *gatlingWriter) text(t string) {
	raw, coder := []byte(t), byte(0)
	if strings.ContainsRune(t, '→') && !w.old {
		raw, coder = nil, 1
		for _, u := range utf16.Encode([]rune(t)) {
			raw = binary.LittleEndian.AppendUint16(raw, u)
		}
	}
	w.number(int32(len(raw)))
	if w.out = append(w.out, raw...); !w.old && len(raw) > 0 {
		w.byte(coder)
	}
}

func (w *gatlingWriter) name(t string) {
	if w.old {
		w.text(t)
		return
	}
	if n, ok := w.known[t]; ok {
		w.number(-n)
		return
	}
	w.known[t] = int32(len(w.known) + 1)
	w.number(w.known[t])
	w.text(t)
}

func (w *gatlingWriter) path(groups ...string) {
	w.number(int32(len(groups)))
	for _, g := range groups {
		w.name(g)
	}
}

func (w *gatlingWriter) request(groups []string, name string, start, end int32, ok byte, message string) {
	w.byte(1)
	w.path(groups...)
	w.name(name)
	w.numbers(start, end)
	w.byte(ok)
	w.name(message)
}

func gatlingLog(old bool) string {
	w := &gatlingWriter{old: old, known: map[string]int32{}}
	w.byte(0)
	w.text("3.13.5")
	w.text("a.Simulation\r")
	w.numbers(400, 0x0a0d0a0d) // 8 bytes
	w.text("")
	w.number(1)
	w.text("scenario")
	w.number(1)
	w.number(3)
	w.out = append(w.out, 1, 2, 3)
	w.byte(2)
	w.number(0)
	w.byte(1)
	w.number(0)
	w.request(nil, "home", 0, 5, 1, "")
	w.request([]string{"g", "in → out"}, "home", 10, 13, 1, "")
	w.request([]string{"g", "in → out"}, "home", 20, 29, 1, "")
	w.request(nil, "home", 30, 37, 0, "found 500")
	w.byte(3)
	w.path("g")
	w.numbers(10, 30, 12)
	w.byte(1)
	w.byte(4)
	w.name("no such thing")
	w.number(31)
	return string(w.out)
}

func TestGatlingsBinaryLogIsRead(t *testing.T) {
	t.Parallel()
	const want = "\nhome\n\tLatency: 5e+06 nanoseconds (ns), lower\n\tFailed Requests: 1 requests, lower\n\ng / in → out / home\n\tLatency: 6e+06 from 3e+06 to 9e+06 nanoseconds (ns), lower\n\t\t3e+06 9e+06\n" +
		"\ng\n\tGroup Duration: 2e+07 nanoseconds (ns), lower\n\tGroup Response Time: 1.2e+07 nanoseconds (ns), lower\n\nproblem: no such thing\n"
	const failed = "\nproblem: home: 1 requests failed, the first with \"found 500\"\n"
	for _, old := range []bool{false, true} {
		log := gatlingLog(old)
		for input, more := range map[string]string{log: "", log + "\x01\x00\x00": "\nproblem: the simulation.log of Gatling 3.13.5 is not whole: it ends within a record\n", log + "\x07abc": "\nproblem: the simulation.log of Gatling 3.13.5 is not whole: Gatling: want a record, found one of kind 7 (line "} {
			got := parse(t, Magic, input)
			_, text, _ := strings.Cut(written(got), "\n")
			if !strings.HasPrefix(text, want+more) || !strings.HasSuffix(text, failed) || got.Adapter != "gatling" {
				t.Errorf("old %v, adapter %s (-want +got):\n%s", old, got.Adapter, cmp.Diff(want+more+failed, text))
			}
		}
	}
	refuses(t, Magic, gatlingLog(false)[:20], `the binary simulation.log of version "3.13.5" is not understood (it ends within a record); give js/stats.json of its report instead`)
	refuses(t, Magic, strings.ToValidUTF8(gatlingLog(false)+strings.Repeat("\x90a", 9), "\ufffd"), "it was read as text on its way here")
	refuses(t, Magic, strings.Replace(gatlingLog(false), "\x00\x00\x01\x90", "\x00\x01\x01\x90", 1), "it was read as text on its way here")
	refuses(t, "gatling", "\x00\x00\x00\x00\x063.13.5\x00\xff\xff\xff\xff", "want a length, found 16777215")
}

func TestGatlingsBinaryLogMayBeCutOrBrokenAnywhere(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		log := gatlingLog(old)
		for i := range len(log) {
			survives(t, "gatling", []byte(log[:i]), "cut")
			for _, bit := range []byte{1, 0x80, 0xff} {
				broken := []byte(log)
				broken[i] ^= bit
				survives(t, "gatling", broken, "broken")
			}
		}
	}
}

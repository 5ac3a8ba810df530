package adapter

import (
	"bytes"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tachograph/tacho/internal/core/fault"
)

// eachSample runs a test on each real output of each adapter.
func eachSample(t *testing.T, largest int, test func(t *testing.T, name Name, input []byte)) {
	t.Helper()
	for name, files := range samples(t) {
		for _, file := range files {
			input := readFile(t, file)
			if len(input) > largest {
				continue
			}
			t.Run(file, func(t *testing.T) {
				t.Parallel()
				test(t, name, input)
			})
		}
	}
}

// survives reads what may be anything: results that a report can hold, or an error for people.
func survives(t *testing.T, name Name, input []byte, what string) {
	t.Helper()
	got, err := Parse(name, input, Options{})
	switch {
	case err == nil:
		checkResults(t, got)
	case !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge):
		t.Errorf("%s: error of kind %v: %v", what, fault.Of(err), err)
	}
}

func TestAnOutputCutAnywhereIsReadInPartOrRefused(t *testing.T) {
	t.Parallel()
	eachSample(t, 256<<10, func(t *testing.T, name Name, input []byte) {
		step := max(1, len(input)/120)
		for cut := 0; cut < len(input); cut += step {
			survives(t, name, input[:cut], "cut")
			survives(t, name, input[cut:], "beheaded")
		}
	})
}

func TestAnOutputWithBytesFlippedIsReadInPartOrRefused(t *testing.T) {
	t.Parallel()
	eachSample(t, 64<<10, func(t *testing.T, name Name, input []byte) {
		random := rand.New(rand.NewPCG(1, 2))
		for range 100 {
			broken := bytes.Clone(input)
			for range 1 + random.IntN(3) {
				broken[random.IntN(len(broken))] ^= byte(1 << random.IntN(8))
			}
			survives(t, name, broken, "flipped")
			at := random.IntN(len(input))
			survives(t, name, append(append(bytes.Clone(input[:at]), "\"\x00{[<(,1e400 NaN -0 1,234.5 1.234,5"...), input[at:]...), "with noise")
		}
	})
}

func TestAnOutputTwiceIsReadOrRefused(t *testing.T) {
	t.Parallel()
	eachSample(t, 256<<10, func(t *testing.T, name Name, input []byte) {
		survives(t, name, append(append(bytes.Clone(input), '\n'), input...), "doubled")
	})
}

func TestTheWayOfAnOutputChangesNothing(t *testing.T) {
	t.Parallel()
	eachSample(t, 1<<20, func(t *testing.T, name Name, input []byte) {
		want, err := Parse(name, input, Options{})
		if err != nil {
			t.Fatal(err)
		}
		unix := bytes.ReplaceAll(input, []byte("\r\n"), []byte("\n"))
		for what, other := range map[string][]byte{
			"a byte order mark": append([]byte("\ufeff"), input...),
			"Windows line ends": bytes.ReplaceAll(unix, []byte("\n"), []byte("\r\n")),
			"empty lines first": append([]byte("\n\n"), input...),
		} {
			got, err := Parse(name, other, Options{})
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			if diff := cmp.Diff(want.Benchmarks, got.Benchmarks); diff != "" {
				t.Errorf("%s changes the results (-without +with):\n%.2000s", what, diff)
			}
		}
		streamed, err := Read(name, dripping{input}, int64(len(input)), Options{})
		if err != nil {
			t.Fatalf("from a stream: %v", err)
		}
		if !reflect.DeepEqual(want, streamed) {
			t.Errorf("from a stream it is read otherwise:\n%.2000s", cmp.Diff(want, streamed, cmpopts.IgnoreUnexported(Results{})))
		}
	})
}

// dripping gives an input in small pieces.
type dripping struct{ in []byte }

func (d dripping) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(d.in)) {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 1000)], d.in[off:])
	return n, nil
}

func TestNestingAndLongNamesAreRefusedOrBounded(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		for what, input := range map[string]string{
			"arrays":   strings.Repeat("[", 10_000),
			"objects":  strings.Repeat(`{"a":`, 10_000),
			"elements": strings.Repeat("<a>", 10_000),
			"a name":   `{"` + strings.Repeat("n", 10_240) + `":{"latency":{"value":1}}}`,
			"a line":   strings.Repeat("x", 3<<20),
			"nothing":  "",
			"zeros":    strings.Repeat("\x00", 10_000),
		} {
			survives(t, name, []byte(input), what)
		}
	}
}

func TestAReaderThatFailsIsAFault(t *testing.T) {
	t.Parallel()
	_, err := Read(GoBench, failing{}, 1<<20, Options{})
	if err == nil || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("error = %v, want the reader's", err)
	}
}

type failing struct{}

func (failing) ReadAt(p []byte, off int64) (int, error) {
	if off > 1000 {
		return 0, iotest.ErrTimeout
	}
	return copy(p, strings.Repeat("x\n", 100)), nil
}

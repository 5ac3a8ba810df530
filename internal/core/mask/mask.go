// Package mask hides secret values in what a benchmark prints: each byte of a value becomes a '*'.
//
// The length stays, so that offsets and sizes that were counted before still hold. A value is found wherever it is cut by writes. What is
// not found is a value in another form: encoded, or with its letters apart. Called by the runner, for all outputs of a job, before they
// are stored or sent.
package mask

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"sync"
)

// LeastBytes is the length of the shortest value that can be hidden. Shorter ones would be found by chance, in every second number.
const LeastBytes = 4

// Mask knows the values. The zero value hides nothing. It is safe for concurrent use.
type Mask struct{ values [][]byte }

// New returns the mask of some values. Those shorter than LeastBytes are left out: whoever takes them in must refuse them.
func New(values []string) Mask {
	var m Mask
	for _, v := range values {
		if len(v) >= LeastBytes {
			m.values = append(m.values, []byte(v))
		}
	}
	return m
}

// secretName matches names of variables whose values are secrets by all custom.
var secretName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|APIKEY|` +
		`(API|ACCESS|PRIVATE|SIGNING)_KEY)(_|$)`)
})

// LooksSecret reports whether a variable's value should be hidden although nobody said so: its name says what it is, and it is long enough
// not to be a word of the output by chance.
func LooksSecret(name, value string) bool {
	return len(value) >= 2*LeastBytes && secretName().MatchString(name)
}

// Bytes returns p with the values hidden, in place.
func (m Mask) Bytes(p []byte) []byte {
	for i, hide := range m.find(p, make([]bool, len(p))) {
		if hide {
			p[i] = '*'
		}
	}
	return p
}

// find sets hidden where p has a value.
func (m Mask) find(p []byte, hidden []bool) []bool {
	for _, v := range m.values {
		for at := 0; ; {
			i := bytes.Index(p[at:], v)
			if i < 0 {
				break
			}
			at += i
			for k := range v {
				hidden[at+k] = true
			}
			at++ // values may overlap with themselves
		}
	}
	return hidden
}

// begun is the length of the longest end of p that may be the beginning of a value.
func (m Mask) begun(p []byte) int {
	longest := 0
	for _, v := range m.values {
		for k := min(len(v)-1, len(p)); k > longest; k-- {
			if bytes.Equal(p[len(p)-k:], v[:k]) {
				longest = k
				break
			}
		}
	}
	return longest
}

// Writer hides the values in what is written through it to another writer. It holds back the bytes that may be the beginning of a value;
// Flush lets them go. It is not safe for concurrent use.
type Writer struct {
	mask   Mask
	to     io.Writer
	held   []byte
	hidden []bool // which of held are to be hidden
}

// Writer returns a Writer to another writer.
func (m Mask) Writer(to io.Writer) *Writer { return &Writer{mask: m, to: to} }

// Write implements io.Writer. All of p counts as written, also what is held back.
func (w *Writer) Write(p []byte) (int, error) {
	if len(w.mask.values) == 0 {
		return w.to.Write(p)
	}
	all := append(w.held, p...)
	hidden := w.mask.find(all, append(w.hidden, make([]bool, len(p))...))
	n := len(all) - w.mask.begun(all)
	w.held, w.hidden = slices.Clone(all[n:]), slices.Clone(hidden[n:])
	return len(p), w.out(all[:n], hidden)
}

// Flush writes what is held back.
func (w *Writer) Flush() error {
	held, hidden := w.held, w.hidden
	w.held, w.hidden = nil, nil
	return w.out(held, hidden)
}

func (w *Writer) out(p []byte, hidden []bool) error {
	if len(p) == 0 {
		return nil
	}
	for i := range p {
		if hidden[i] {
			p[i] = '*'
		}
	}
	_, err := w.to.Write(p)
	return err
}

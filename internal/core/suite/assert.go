package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/strict"
)

// ReasonVariant is why a task failed whose output does not say what was asked for: it ran something else.
const ReasonVariant = "variant"

// descriptions are where outputs of an adapter say what program was measured.
var descriptions = map[string][]string{
	"ruby_bench": {"metadata.*", "raw_data.*.*.RUBY_DESCRIPTION"},
}

// Describes says whether outputs of an adapter have a description.
func Describes(adapter string) bool { return descriptions[adapter] != nil }

// Refused is why the output of a workload is not taken.
type Refused struct {
	Reason   string // ReasonVariant
	Workload string
	Sentence string
}

func (r *Refused) Error() string { return r.Sentence }

// CheckOutput holds the output of a task against the assertions of its workload, before anything of it is stored. The error is *Refused.
// Every value that a field has must fulfil the condition, and a field without a value fulfils none.
func (w Workload) CheckOutput(output []byte) error {
	for _, a := range w.Assert {
		values, err := w.look(a.Field, output)
		refuse := func(form string, args ...any) error {
			return &Refused{ReasonVariant, w.Name, fmt.Sprintf("workload %s: %s; the run is not taken", w.Name, fmt.Sprintf(form, args...))}
		}
		switch {
		case err != nil:
			return refuse("assert %s: the output is not JSON that can be read (%v)", a.Field, err)
		case len(values) == 0:
			return refuse("assert %s: the output has no such value", a.Field)
		}
		for _, v := range values {
			switch {
			case a.Contains != "" && !strings.Contains(v, a.Contains):
				return refuse("%s does not contain %q, it is %q", a.Field, strict.Shortened(a.Contains), end(v))
			case a.NotContains != "" && strings.Contains(v, a.NotContains):
				return refuse("%s contains %q, it is %q", a.Field, strict.Shortened(a.NotContains), end(v))
			case a.Equals != "" && v != a.Equals:
				return refuse("%s is %q, not %q", a.Field, end(v), strict.Shortened(a.Equals))
			}
		}
	}
	return nil
}

// end is a text short enough for a sentence.
func end(text string) string {
	if runes := []rune(strings.ToValidUTF8(text, "�")); len(runes) > 100 {
		return string(runes[:100]) + "…"
	}
	return strings.ToValidUTF8(text, "�")
}

// look returns the values of a field.
func (w Workload) look(field string, output []byte) ([]string, error) {
	switch path, isPath := strings.CutPrefix(field, "json:"); {
	case field == "output":
		return []string{string(output)}, nil
	case isPath:
		return find(output, path)
	}
	var out []string
	for _, path := range descriptions[w.Adapter] {
		values, err := find(output, path)
		if err != nil {
			return nil, err
		}
		out = append(out, values...)
	}
	return out, nil
}

var errTooMany = errors.New("too many values")

// find returns the texts, numbers and truth values at a path of keys in a JSON document; * is any key or index.
func find(document []byte, path string) (out []string, err error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	keys := strings.Split(path, ".")
	if err := walk(d, keys, true, 0, &out); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document")
	}
	return out, nil
}

// walk reads the next value. on says whether the way here was along the path, of which keys are left.
func walk(d *json.Decoder, keys []string, on bool, depth int, out *[]string) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	open, compound := t.(json.Delim)
	switch {
	case !compound && on && len(keys) == 0 && t != nil:
		if len(*out) == limits.SuiteValues {
			return errTooMany
		}
		*out = append(*out, fmt.Sprint(t))
		return nil
	case !compound:
		return nil
	case depth == limits.JSONDepth:
		return errors.New("nested too deeply")
	}
	for i := 0; d.More(); i++ {
		key := fmt.Sprint(i)
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			key = name.(string)
		}
		along := on && len(keys) > 0 && (keys[0] == "*" || keys[0] == key)
		rest := keys
		if along {
			rest = keys[1:]
		}
		if err := walk(d, rest, along, depth+1, out); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

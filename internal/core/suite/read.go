package suite

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tachograph/tacho/internal/core/adapter"
	"github.com/tachograph/tacho/internal/core/imageref"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/strict"
)

// Examples of what a map of a workload looks like, for the format that it is in.
var Examples = map[string]string{
	"a workload":   "name: startup and below it cmd: [bench, startup]",
	"assert":       `description: {contains: "+YJIT"}`,
	"an assertion": `contains: "+YJIT"`,
	"env":          "NAME: value",
}

// ReadWorkloads reads a list of workloads. Where own is set each names an image; else they share the one of their suite. holes are the
// names of parameters that may stand in texts; nil: texts have none.
func ReadWorkloads(r *strict.Reader, n strict.Node, own bool, holes []string) []Workload {
	values := r.List(n, "workloads")
	if len(values) > limits.SuiteWorkloads {
		r.Wrong(strict.Place(values[limits.SuiteWorkloads]), "%d workloads, more than %d", len(values), limits.SuiteWorkloads)
		return nil
	}
	var out []Workload
	for _, v := range values {
		w, said := readWorkload(r, v, own, holes)
		if slices.ContainsFunc(out, func(o Workload) bool { return o.Name == w.Name && w.Name != "" }) {
			r.Wrong(strict.Place(v), "workload %q is here for the second time; results are kept by its name", strict.Shortened(w.Name))
		}
		if len(out) > 0 && !own {
			w.inherit(out[0], said)
		}
		if w.Timeout == 0 && said["name"] {
			w.Timeout = limits.JobTimeoutDefault
		}
		if w.Expect > w.Timeout {
			r.Wrong(strict.Place(v), "workload %q is expected to take %s, longer than its timeout of %s", strict.Shortened(w.Name),
				Short(w.Expect), Short(w.Timeout))
		}
		for _, a := range w.Assert {
			if a.Field == "description" && !Describes(w.Adapter) {
				r.Wrong(strict.Place(v), "workload %q: only outputs of %s have a description; assert output or json:PATH",
					strict.Shortened(w.Name), strings.Join(slices.Sorted(maps.Keys(descriptions)), ", "))
			}
		}
		out = append(out, w)
	}
	return out
}

// inherit takes from the first workload what this one does not say.
func (w *Workload) inherit(first Workload, said map[string]bool) {
	if !said["adapter"] {
		w.Adapter = first.Adapter
	}
	if !said["files"] {
		w.Files = first.Files
	}
	if !said["timeout"] {
		w.Timeout = first.Timeout
	}
	if !said["expect"] {
		w.Expect = min(first.Expect, w.Timeout)
	}
	if !said["env"] {
		w.Env = first.Env
	}
}

func readWorkload(r *strict.Reader, n strict.Node, own bool, holes []string) (w Workload, said map[string]bool) {
	said = map[string]bool{}
	keys := strict.Keys{
		"name": func(_ strict.Position, n strict.Node) { w.Name = Name(r, n, "name") },
		"cmd": func(_ strict.Position, n strict.Node) {
			w.Cmd = Texts(r, n, "cmd", limits.CmdWords, limits.ArgBytes)
			for _, word := range w.Cmd {
				checkHoles(r, n, "cmd", word, holes)
			}
		},
		"env": func(_ strict.Position, n strict.Node) {
			w.Env = readMap(r, n, "env", limits.EnvEntries, limits.ArgBytes, isEnvName)
			for _, name := range slices.Sorted(maps.Keys(w.Env)) {
				checkHoles(r, n, "env "+name, w.Env[name], holes)
			}
		},
		"adapter": func(_ strict.Position, n strict.Node) {
			if text, ok := r.Scalar(n, "adapter"); ok {
				if !slices.ContainsFunc(adapter.Catalogue(), func(e adapter.Entry) bool { return string(e.Name) == text }) {
					r.Wrong(strict.Place(n), "adapter %q is not known; 'tacho adapters' lists them", strict.Shortened(text))
				}
				w.Adapter = text
			}
		},
		"files": func(_ strict.Position, n strict.Node) {
			w.Files = Texts(r, n, "files", limits.FilePaths, limits.ImagePathBytes)
			for _, f := range w.Files {
				if !isPlainPath(f) {
					r.Wrong(strict.Place(n), "files: %q is not a path below the working folder", strict.Shortened(f))
				}
			}
		},
		"assert":  func(_ strict.Position, n strict.Node) { w.Assert = readAssert(r, n) },
		"timeout": func(_ strict.Position, n strict.Node) { w.Timeout = Duration(r, n, "timeout", limits.JobTimeoutMax) },
		"expect":  func(_ strict.Position, n strict.Node) { w.Expect = Duration(r, n, "expect", limits.JobTimeoutMax) },
	}
	if own {
		keys["image"] = func(_ strict.Position, n strict.Node) {
			if text, ok := r.Scalar(n, "image"); ok {
				if _, err := imageref.Parse(text); err != nil {
					r.Wrong(strict.Place(n), "%v", err)
				}
				w.Image = text
			}
		}
	}
	before := r.Mistakes()
	for key, read := range keys {
		keys[key] = func(at strict.Position, n strict.Node) {
			said[key] = true
			read(at, n)
		}
	}
	r.Each(n, "a workload", keys)
	if r.Mistakes() > before {
		return w, said
	}
	for _, key := range []string{"name", "image"} {
		if keys[key] != nil && !said[key] {
			r.Wrong(strict.Place(n), "the workload has no %s", key)
		}
	}
	return w, said
}

func readAssert(r *strict.Reader, n strict.Node) (out []Assertion) {
	r.EachKey(n, "assert", func(at strict.Position, field string, value strict.Node) {
		a := Assertion{Field: field}
		if path, isPath := strings.CutPrefix(field, "json:"); field != "description" && field != "output" && (!isPath || path == "") {
			r.Wrong(at, "assert looks at description, output or json:PATH, not at %q", strict.Shortened(field))
		}
		text := func(key string, to *string) func(strict.Position, strict.Node) {
			return func(_ strict.Position, n strict.Node) {
				if text, ok := r.Scalar(n, key); ok {
					if *to = text; text == "" || len(text) > limits.SuiteTextBytes {
						r.Wrong(strict.Place(n), "%s has between 1 and %d bytes", key, limits.SuiteTextBytes)
					}
				}
			}
		}
		before := r.Mistakes()
		r.Each(value, "an assertion", strict.Keys{"contains": text("contains", &a.Contains),
			"not_contains": text("not_contains", &a.NotContains), "equals": text("equals", &a.Equals)})
		if a == (Assertion{Field: field}) && r.Mistakes() == before {
			r.Wrong(at, "the assertion asks for nothing; add contains, not_contains or equals")
		}
		if len(out) == limits.SuiteAssertions {
			r.Wrong(at, "more than %d assertions", limits.SuiteAssertions)
			return
		}
		out = append(out, a)
	})
	slices.SortFunc(out, func(a, b Assertion) int { return cmp.Compare(a.Field, b.Field) }) // their order means nothing
	return out
}

// Name reads what becomes a part of names of folders and series: letters, digits and . _ - after a letter or digit, at most 64.
func Name(r *strict.Reader, n strict.Node, key string) string {
	text, ok := r.Scalar(n, key)
	if ok && !IsName(text) {
		r.Wrong(strict.Place(n), "%s %q: use letters, digits, '.', '_' and '-', with a letter or digit first, at most 64", key,
			strict.Shortened(text))
	}
	return text
}

// IsName says whether a text can be a part of names of folders and series.
func IsName(text string) bool {
	for i, c := range []byte(text) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	return text != "" && len(text) <= limits.ResourceNameBytes
}

// Texts reads a list of texts, none of them empty.
func Texts(r *strict.Reader, n strict.Node, key string, most, bytes int) (out []string) {
	values := r.List(n, key)
	if len(values) > most {
		r.Wrong(strict.Place(values[most]), "%s has %d entries, more than %d", key, len(values), most)
		return nil
	}
	for _, v := range values {
		if text, ok := r.Scalar(v, key); ok {
			if text == "" || len(text) > bytes {
				r.Wrong(strict.Place(v), "%s: an entry has between 1 and %d bytes", key, bytes)
			}
			out = append(out, text)
		}
	}
	return out
}

// Duration reads a time such as 90s, 10m or 1h30m, above zero and at most most.
func Duration(r *strict.Reader, n strict.Node, key string, most time.Duration) time.Duration {
	text, ok := r.Scalar(n, key)
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		r.Wrong(strict.Place(n), "%s %q is not a time; write it like 90s, 10m or 1h30m", key, strict.Shortened(text))
	case d < time.Second || d > most || d%time.Second != 0:
		r.Wrong(strict.Place(n), "%s %s is not between 1s and %s in whole seconds", key, strict.Shortened(text), Short(most))
	default:
		return d
	}
	return 0
}

// Short writes a time of whole seconds as people do: 3h, 1h30m, 90s.
func Short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Count reads a whole number from least to most.
func Count(r *strict.Reader, n strict.Node, key string, least, most int) int {
	text, ok := r.Scalar(n, key)
	if !ok {
		return 0
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < least || v > most {
		r.Wrong(strict.Place(n), "%s %s: use a whole number from %d to %d", key, strict.Shortened(text), least, most)
		return 0
	}
	return v
}

// readMap reads a map of texts.
func readMap(r *strict.Reader, n strict.Node, key string, most, bytes int, isName func(string) bool) map[string]string {
	out := map[string]string{}
	r.EachKey(n, key, func(at strict.Position, name string, value strict.Node) {
		text, ok := r.Scalar(value, name)
		switch {
		case !ok:
		case !isName(name):
			r.Wrong(at, "%s: %q is not a name", key, strict.Shortened(name))
		case len(text) > bytes || !isPlain(text):
			r.Wrong(strict.Place(value), "%s %s: at most %d bytes without control characters", key, name, bytes)
		case len(out) == most:
			r.Wrong(at, "%s has more than %d entries", key, most)
		default:
			out[name] = text
		}
	})
	return out
}

// Params reads the values of parameters.
func Params(r *strict.Reader, n strict.Node) map[string]string {
	return readMap(r, n, "params", limits.SuiteParams, limits.SuiteTextBytes, IsName)
}

func isEnvName(text string) bool {
	for i, c := range []byte(text) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return text != "" && len(text) <= limits.SuiteTextBytes
}

// isPlain says whether a text is UTF-8 without control characters.
func isPlain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// isPlainPath says whether a path is relative and stays below its folder.
func isPlainPath(path string) bool {
	if !isPlain(path) || strings.Contains(path, `\`) {
		return false
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

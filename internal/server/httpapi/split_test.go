package httpapi

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/property"
)

func TestASplitBodyIsTheBody(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing":                        `{}`,
		"no results":                     `{"project":"p","context":{"a":"b]}"}}`,
		"results among others":           ` { "project" : "p" , "results" : [ "one" , "two" ] , "branch":"main" } ` + "\n",
		"results first":                  `{"results":["a"],"testbed":"t"}`,
		"no result in the list":          `{"results":[]}`,
		"null":                           `{"results":null,"branch":"b"}`,
		"an empty text":                  `{"results":["",""]}`,
		"every escape":                   `{"results":["\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\uD83D\uDE00\ud83d\ude00"]}`,
		"half a pair":                    `{"results":["\ud83d","\ud83dx","\ud83d\n","\ud83d\u0041","\ude00\ud83d"]}`,
		"the replacement as a pair":      `{"results":["\ufffd"]}`,
		"text that is not UTF-8":         "{\"results\":[\"a\xffb\xc3\",\"\xe2\x82\",\"\xe2\x82\xac\"]}",
		"the key elsewhere":              `{"context":{"results":"[\"no\"]"},"results":["yes"]}`,
		"a brace in a text":              `{"branch":"}\"{","results":["}]"]}`,
		"another kind of value":          `{"job":{"image":"i","cmd":["a",["b"]]},"results":["x"]}`,
		"a key that differs in its case": `{"results":["a"],"branch":"b","Testbed":"t"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want api.NewRun
			wantErr := json.Unmarshal([]byte(body), &want)
			for how, r := range map[string]io.Reader{"at once": strings.NewReader(body),
				"byte by byte": iotest.OneByteReader(strings.NewReader(body))} {
				results, rest, err := split(r, int64(len(body)))
				if err != nil {
					t.Fatalf("%s: %v", how, err)
				}
				var got api.NewRun
				if err := json.Unmarshal(rest, &got); (err == nil) != (wantErr == nil) {
					t.Fatalf("%s: the rest %s: %v, want %v", how, rest, err, wantErr)
				}
				if len(got.Results) != len(results) {
					t.Errorf("%s: %d empty texts for %d results", how, len(got.Results), len(results))
				}
				if !slices.Equal(results, want.Results) {
					t.Errorf("%s: results %q, want %q", how, results, want.Results)
				}
				got.Results, want.Results = nil, nil
				a, _ := json.Marshal(got)
				b, _ := json.Marshal(want)
				if string(a) != string(b) {
					t.Errorf("%s: all else is %s, want %s", how, a, b)
				}
				if json.Unmarshal([]byte(body), &want) != nil && wantErr == nil {
					t.Fatal("the body changed")
				}
			}
		})
	}
}

func TestSplitDecodesEveryTextAsTheStandardLibraryDoes(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.String(), 0, 5).Draw(t, "texts")
		raw := rapid.SliceOf(rapid.SampledFrom([]string{`\u00e9`, `\ud83d`, `\ude00`, "\xff", "\xe2\x82", `\n`, "a", `\\`, "é", "€", "😀",
			`\/`})).Draw(t, "raw")
		body, err := json.Marshal(api.NewRun{Project: "p", Results: texts})
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range []string{string(body), `{"results":["` + strings.Join(raw, "") + `"]}`} {
			var want api.NewRun
			if err := json.Unmarshal([]byte(body), &want); err != nil {
				t.Fatal(err)
			}
			results, _, err := split(iotest.HalfReader(strings.NewReader(body)), 0)
			if err != nil || !slices.Equal(results, want.Results) {
				t.Fatalf("%q: %q %v, want %q", body, results, err, want.Results)
			}
		}
	})
}

func TestSplitRefusesWhatWouldCostMoreThanItsSize(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body string
		kind fault.Kind
		says string
	}{
		"not an object":             {`[1,2]`, fault.Invalid, "should be an object"},
		"nothing at all":            {``, fault.Invalid, "ended early"},
		"an end in a text":          {`{"results":["abc`, fault.Invalid, "ended early"},
		"an end in a list":          {`{"results":["abc"`, fault.Invalid, "ended early"},
		"an end in a value":         {`{"branch":{"a"`, fault.Invalid, "ended early"},
		"a number among results":    {`{"results":["a",1]}`, fault.Invalid, "a list of texts"},
		"a comma too many":          {`{"results":["a",]}`, fault.Invalid, "not valid JSON"},
		"no comma":                  {`{"results":["a" "b"]}`, fault.Invalid, "not valid JSON"},
		"a line break in a text":    {"{\"results\":[\"a\nb\"]}", fault.Invalid, "not valid JSON"},
		"an escape that is not one": {`{"results":["\x41"]}`, fault.Invalid, "not valid JSON"},
		"digits that are not hex":   {`{"results":["\u00zz"]}`, fault.Invalid, "not valid JSON"},
		"results twice":             {`{"results":["a"],"results":["b"]}`, fault.Invalid, "given twice"},
		"too many results": {`{"results":["` + strings.Repeat(`","`, limits.ResultsPerReport) + `"]}`, fault.TooLarge,
			"more than 1000 iterations"},
		"a large context": {`{"context":{` + strings.Repeat(`"a":"b",`, limits.JSONBodyBytes/8) + `"a":"b"}}`, fault.TooLarge,
			"without its results"},
		"a large unknown value": {`{"junk":[` + strings.Repeat(`{},`, limits.JSONBodyBytes/3) + `{}]}`, fault.TooLarge,
			"without its results"},
		"another case of the key": {`{"Results":["` + strings.Repeat("x", limits.JSONBodyBytes) + `"]}`, fault.TooLarge, "without its results"},
		"a long tail":             {`{}` + strings.Repeat("x", limits.JSONBodyBytes), fault.TooLarge, "without its results"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := split(strings.NewReader(tc.body), int64(len(tc.body)))
			if !fault.Is(err, tc.kind) || !strings.Contains(fault.Message(err), tc.says) {
				t.Errorf("%v %v, want %v with %q", fault.Of(err), err, tc.kind, tc.says)
			}
		})
	}
}

package httpapi

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
)

func TestColumnsArePreferredAsTheSpecificationOfAcceptSays(t *testing.T) {
	t.Parallel()
	const columns = api.PerfColumnsType
	for accept, want := range map[string]bool{
		"": false, "*/*": false, "application/json": false, columns: true, "Application/Vnd.Tacho.Columns+JSON": true,
		columns + ", application/json": true, "application/json, " + columns: true, columns + ", */*;q=0.1": true,
		columns + ";q=0.5, application/json": false, columns + ";q=0.5, */*": false, columns + ";q=0.5, application/json;q=0.4": true,
		columns + ";q=0": false, columns + ";q=no": false, columns + ";q=2": false, "text/html, " + columns + ";q=0.9": true, ";;,": false,
	} {
		if got := prefersColumns(accept); got != want {
			t.Errorf("%q: %t, want %t", accept, got, want)
		}
	}
}

func TestPerfAnswersInTheShapeThatIsAskedFor(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	report := s.run(results(4))
	q := url.Values{"branches": {report.Branch.UUID}, "testbeds": {report.Testbed.UUID}, "measures": {"latency"},
		"benchmarks": {report.Results[0][0].Benchmark.UUID}}
	answer := func(accept, shape string) (string, http.Header) {
		t.Helper()
		q.Set("shape", shape)
		if shape == "" {
			q.Del("shape")
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/v0/projects/shop/perf?"+q.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.key)
		r.Header.Set("Accept", accept)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%d %s (%v)", res.StatusCode, body, err)
		}
		return string(body), res.Header
	}
	points, _ := answer("*/*", "")
	columns, _ := answer("*/*", "columns")
	var decoded api.PerfColumns
	if err := json.Unmarshal([]byte(columns), &decoded); err != nil || len(decoded.Results) != 1 {
		t.Fatalf("columns: %v in %s", err, columns)
	}
	const asJSON = "application/json"
	for _, c := range []struct{ accept, shape, want, kind string }{
		{"", "", points, asJSON}, {asJSON, "", points, asJSON}, {asJSON, "columns", columns, asJSON},
		{api.PerfColumnsType, "", columns, api.PerfColumnsType}, {api.PerfColumnsType, "points", points, asJSON},
		{api.PerfColumnsType, "columns", columns, asJSON},
	} {
		got, header := answer(c.accept, c.shape)
		if diff := cmp.Diff(c.want, got); diff != "" || header.Get("Content-Type") != c.kind || header.Get("Vary") != "Accept" {
			t.Errorf("accept %q, shape %q: type %q, vary %q (-want +got):\n%s", c.accept, c.shape, header.Get("Content-Type"),
				header.Get("Vary"), diff)
		}
	}
}

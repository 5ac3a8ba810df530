package httpapi

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/ident"
)

func TestPreferencesAreReadAsTheirSpecificationSays(t *testing.T) {
	t.Parallel()
	for prefer, want := range map[string]bool{
		"": false, "return=minimal": true, "Return=Minimal": true, `return="minimal"`: true, "respond-async, return=minimal; x=1, wait=5": true,
		"return=representation": false, "return": false, "minimal": false, "return=representation, return=minimal": false,
		"handling=lenient": false,
	} {
		if got := (Preference{prefer}).minimal(); got != want {
			t.Errorf("%q: %t, want %t", prefer, got, want)
		}
	}
}

// prefers sends a body with a preference, and returns the answer.
func (s *fixture) prefers(prefer, path string, body any) (*http.Response, string) {
	s.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+path, strings.NewReader(string(text)))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.key)
	if prefer != "" {
		r.Header.Set("Prefer", prefer)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res, string(answer)
}

// A sender that wants no report gets its ids, and the server does not read back what it has just written.
func TestAWriteThatPrefersAMinimalAnswerGetsIDs(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	run := func() api.NewRun {
		return api.NewRun{Project: "shop", Branch: "main", Testbed: "lab", IdempotencyKey: ident.NewUUID(),
			Settings: &api.ReportSettings{Adapter: "json"}, Results: []string{`{"b":{"latency":{"value":1}}}`}}
	}
	minimal := func(path string, body any, status int) (receipt api.ReportReceipt) {
		t.Helper()
		res, text := s.prefers("return=minimal", path, body)
		if res.StatusCode != status || res.Header.Get("Preference-Applied") != "return=minimal" {
			t.Fatalf("%s: %d %v %s", path, res.StatusCode, res.Header, text)
		}
		strict := json.NewDecoder(strings.NewReader(text))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&receipt); err != nil {
			t.Fatalf("%s: %v: %s", path, err, text)
		}
		at := "/v0/projects/shop/reports/" + receipt.UUID
		if got := res.Header.Get("Location"); got != at || receipt.Project != "shop" {
			t.Errorf("%s: at %s, of project %s", path, got, receipt.Project)
		}
		var report api.Report
		if status, _, message := s.call(http.MethodGet, at, nil, &report); status != http.StatusOK || report.UUID != receipt.UUID {
			t.Errorf("%s: what is there: %d %s", path, status, message)
		}
		if diff := cmp.Diff(report.Job, receipt.Job); diff != "" {
			t.Errorf("%s: its job (-want +got):\n%s", path, diff)
		}
		return receipt
	}
	first := run()
	made := minimal("/v0/run", first, http.StatusCreated)
	if again := minimal("/v0/run", first, http.StatusOK); again.UUID != made.UUID {
		t.Errorf("sent again it is %s, and was %s", again.UUID, made.UUID)
	}
	now := time.Now()
	minimal("/v0/projects/shop/reports", api.NewReport{Branch: "main", Testbed: "lab", StartTime: now, EndTime: now,
		Results: first.Results, Settings: first.Settings}, http.StatusCreated)
	minimal("/v0/projects/shop/reports/"+made.UUID+"/reparse", struct{}{}, http.StatusOK)

	began := s.db.Transactions()
	res, text := s.prefers("", "/v0/run", run())
	whole := s.db.Transactions() - began
	if res.StatusCode != http.StatusCreated || res.Header.Get("Preference-Applied") != "" || !strings.Contains(text, `"results":[[`) {
		t.Errorf("without the preference: %d %v %s", res.StatusCode, res.Header, text)
	}
	began = s.db.Transactions()
	s.prefers("return=minimal", "/v0/run", run())
	if less := s.db.Transactions() - began; less >= whole {
		t.Errorf("%d transactions, and %d for the whole answer", less, whole)
	}
}

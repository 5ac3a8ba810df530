package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/server/store"
)

// listAfterAStep submits reports of instructions, which are counted, with a step, and returns the events that are listed then.
func listAfterAStep(t *testing.T, s *Server, told bool) []api.Event {
	t.Helper()
	return listAfterAStepOf(t, s, "shop", told)
}

func listAfterAStepOf(t *testing.T, s *Server, project string, told bool) []api.Event {
	t.Helper()
	ask := func(method, path, body string, want int) string {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		s.Handler().ServeHTTP(answer, Local(r))
		if answer.Code != want {
			t.Fatalf("%s %s: %d %s", method, path, answer.Code, answer.Body)
		}
		return answer.Body.String()
	}
	for i, n := range []int{1000, 1000, 1500} {
		ask(http.MethodPost, "/v0/run", fmt.Sprintf(`{"project":"%s","branch":"main","testbed":"lab","start_time":"2026-05-01T00:00:0%dZ",`+
			`"end_time":"2026-05-01T00:00:09Z","settings":{"adapter":"json"},"results":["{\"b\":{\"instructions\":{\"value\":%d}}}"]}`, project, i,
			n), http.StatusCreated)
	}
	if told {
		if err := s.events.Turn(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var events []api.Event
	if err := json.Unmarshal([]byte(ask(http.MethodGet, "/v0/projects/"+project+"/events", "", http.StatusOK)), &events); err != nil {
		t.Fatal(err)
	}
	return events
}

func TestAServerLooksWhenItIsTold(t *testing.T) {
	t.Parallel()
	s := quiet(t, func(*Config) {})
	if events := listAfterAStep(t, s, true); len(events) != 1 || events[0].State != api.EventConfirmed || events[0].Worse != 1 {
		t.Errorf("%+v", events)
	}
}

func TestACommandLooksBeforeItShows(t *testing.T) {
	t.Parallel()
	s := quiet(t, func(c *Config) { c.Local = true })
	if events := listAfterAStep(t, s, false); len(events) != 1 || events[0].Changes[0].Before != 1000 || events[0].Changes[0].After != 1500 {
		t.Errorf("%+v", events)
	}
}

// TestWhatADeliveryDidNotReachIsFound, such as what was measured before an upgrade.
func TestWhatADeliveryDidNotReachIsFound(t *testing.T) {
	t.Parallel()
	s := quiet(t, func(*Config) {})
	if events := listAfterAStep(t, s, false); len(events) != 0 {
		t.Errorf("nobody has looked: %+v", events)
	}
	if err := s.lookEverywhere(t.Context()); err != nil {
		t.Fatal(err)
	}
	if events := listAfterAStep(t, s, false); len(events) != 1 {
		t.Errorf("%+v", events)
	}
}

func TestAProjectWhoseLookFailsKeepsNoOtherFromIt(t *testing.T) {
	t.Parallel()
	s := quiet(t, func(*Config) {})
	for _, project := range []string{"first", "shop"} { // in the order of their ids
		listAfterAStepOf(t, s, project, false)
	}
	if err := s.store.Tx(t.Context(), func(tx *store.Tx) error {
		const first = `new.head_id in (select h.id from head h join branch b on b.id = h.branch_id join project p on p.id = b.project_id
			where p.slug = 'first')`
		statements := []string{`create trigger broken before insert on line_look when ` + first + `
			begin select raise(abort, 'the disk is on fire'); end`}
		if tx.ForUpdate("head") != "" { // PostgreSQL
			statements = []string{`create function broken() returns trigger language plpgsql as $$ begin
				if ` + first + ` then raise exception 'the disk is on fire'; end if; return new; end $$`,
				`create trigger broken before insert on line_look for each row execute function broken()`}
		}
		for _, statement := range statements {
			if _, err := tx.Exec(t.Context(), statement); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.lookEverywhere(t.Context()); err == nil || !strings.Contains(err.Error(), "on fire") {
		t.Errorf("the project whose look fails: %v", err)
	}
	if events := listAfterAStep(t, s, false); len(events) != 1 {
		t.Errorf("the other one has %d events, want 1", len(events))
	}
}

// TestAPolicyThatCannotBeReadHoldsNothingUp, as after a return to an older server: the rest holds, and whoever asks is told so.
func TestAPolicyThatCannotBeReadHoldsNothingUp(t *testing.T) {
	t.Parallel()
	s := quiet(t, func(*Config) {})
	listAfterAStep(t, s, false)
	get := func(path string) *httptest.ResponseRecorder {
		answer := httptest.NewRecorder()
		s.Handler().ServeHTTP(answer, Local(httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)))
		return answer
	}
	const said = "leaves out parts of version 4 of the project's policy (line 1), and the rest holds"
	if answer := get("/v0/projects/shop/events"); answer.Header().Get(api.NoticeHeader) != "" {
		t.Errorf("a notice without a policy: %v", answer.Header())
	}
	if err := s.store.Tx(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `insert into policy (project_id, version, text, modified)
			select id, 4, 'rules: [{severity: warn}, {colour: red, test: none}]', 0 from project where slug = 'shop'`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.lookEverywhere(t.Context()); err != nil {
		t.Fatal(err)
	}
	answer := get("/v0/projects/shop/events")
	if !strings.Contains(answer.Body.String(), `"instructions"`) || !strings.Contains(answer.Header().Get(api.NoticeHeader), said) {
		t.Errorf("events: %v %s", answer.Header(), answer.Body)
	}
	if answer := get("/v0/projects/shop/policy"); !strings.Contains(answer.Body.String(), said) ||
		!strings.Contains(answer.Body.String(), "colour: red") {
		t.Errorf("the policy: %s", answer.Body)
	}
	for _, page := range []string{"/projects/shop", "/projects/shop/events"} {
		if answer := get(page); answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), "leaves out parts of version 4") {
			t.Errorf("%s: %d, says nothing of it", page, answer.Code)
		}
	}
}

// TestAPolicyThatWasSetIsLookedAtAtOnce, and not at the next turn of the clock.
func TestAPolicyThatWasSetIsLookedAtAtOnce(t *testing.T) {
	t.Parallel()
	s := quiet(t, func(*Config) {})
	if events := listAfterAStep(t, s, true); len(events) != 1 {
		t.Fatalf("%+v", events)
	}
	put := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/v0/projects/shop/policy",
		strings.NewReader(`{"text":"rules: [{test: none}]","version":0}`))
	put.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	s.Handler().ServeHTTP(answer, Local(put))
	if answer.Code != http.StatusOK {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	if err := s.events.Turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	answer = httptest.NewRecorder()
	s.Handler().ServeHTTP(answer, Local(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v0/projects/shop/events",
		http.NoBody)))
	if answer.Body.String() != "[]\n" && answer.Body.String() != "[]" {
		t.Errorf("events that the policy does not look for: %s", answer.Body)
	}
}

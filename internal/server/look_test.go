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
	if err := s.store.Tx(t.Context(), func(tx *store.Tx) error { // a text that this version cannot read
		_, err := tx.Exec(t.Context(), `insert into policy (project_id, version, text, modified)
			select id, 1, 'rules: [{colour: red}]', 0 from project where slug = 'first'`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.lookEverywhere(t.Context()); err == nil || !strings.Contains(err.Error(), "colour") {
		t.Errorf("the project whose look fails: %v", err)
	}
	if events := listAfterAStep(t, s, false); len(events) != 1 {
		t.Errorf("the other one has %d events, want 1", len(events))
	}
}

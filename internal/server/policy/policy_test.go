package policy_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	corepolicy "github.com/tachograph/tacho/internal/core/policy"
	"github.com/tachograph/tacho/internal/server/policy"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/store/storetest"
)

var local = access.Actor{Kind: access.Local}

func TestAPolicyIsReplacedByWhoHasSeenIt(t *testing.T) {
	t.Parallel()
	s, _ := storetest.Open(t)
	home := storetest.Home(t, s, "acme")
	p := storetest.NewProject(t, s, project.Project{Name: "Shop", Slug: "shop", OrganizationID: home.ID})
	policies := policy.NewService(project.NewDoor(s, nil))
	get := func() api.Policy {
		t.Helper()
		out, err := policies.Get(t.Context(), local, "shop")
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := get(); got.Version != 0 || got.Text == "" || got.Modified != nil || len(got.Notices) != 0 {
		t.Errorf("without one: %+v", got)
	}
	set := func(actor access.Actor, text string, version int64) (api.Policy, error) {
		return policies.Set(t.Context(), actor, "shop", api.SetPolicy{Text: text, Version: version})
	}
	const text = "rules:\n  - {branch: main, severity: info}\n  - severity: fail\n"
	member := access.Actor{Kind: access.User, AccountID: "ann", Organizations: map[string]string{home.ID: "member"}}
	made, err := set(member, text, 0)
	if err != nil || made.Version != 1 || made.Text != text || made.Account != "ann" || made.Modified == nil || len(made.Notices) != 1 ||
		made.Notices[0].Line != 2 || made.Project != p.ID {
		t.Fatalf("set: %+v, %v", made, err)
	}
	if _, err := set(local, "", 0); !fault.Is(err, fault.Conflict) {
		t.Errorf("a policy that was replaced: %v", err)
	}
	if again, err := set(local, text, 1); err != nil || again.Version != 1 || again.Account != "ann" {
		t.Errorf("the same text again: %+v, %v", again, err)
	}
	_, err = set(local, "rules:\n  - severty: fail\n", 1)
	want := "policy:2:5: unknown key \"severty\"; did you mean severity?\n    2 |   - severty: fail\n      |     ^"
	if fault.Message(err) != want || !fault.Is(err, fault.Invalid) {
		t.Errorf("a mistake: %v", err)
	}
	for name, stranger := range map[string]access.Actor{"nobody": {Kind: access.Anonymous},
		"a run key": {Kind: access.RunKey, ProjectID: p.ID}} {
		if _, err := set(stranger, "rules:\n  - severty: fail\n", 1); !fault.Is(err, fault.Forbidden) && !fault.Is(err, fault.Unauthorized) &&
			!fault.Is(err, fault.Missing) {
			t.Errorf("%s may set it, or is told what is wrong with it: %v", name, err)
		}
	}
	if got := get(); got.Version != 1 || got.Text != text {
		t.Errorf("after all that was refused: %+v", got)
	}
	if empty, err := set(local, "", 1); err != nil || empty.Version != 2 || empty.Text != "" || empty.Account != "" {
		t.Errorf("an empty text: %+v, %v", empty, err)
	}
}

// TestAPolicyOfAnotherVersionHoldsAsFarAsItIsUnderstood: the words may change with the program, and what people decided does not.
func TestAPolicyOfAnotherVersionHoldsAsFarAsItIsUnderstood(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		problem, notice string
		severity        corepolicy.Severity // of a line
	}{
		"rules: [{severity: fail}, {tag: slow, test: none}]": {
			"leaves out parts of version 4 of the project's policy (line 1), and the rest holds", "benchmarks have no tags", corepolicy.Fail},
		"rules:\n  - {severity: fail, notify: [a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q]}": {"(line 2)", "of this notify only a, b, c, d",
			corepolicy.Fail},
		"rules: [{colour: red}]": {"cannot read version 4 of the project's policy (line 1), so the default policy holds", "colour",
			corepolicy.Warn},
		"rules: [": {"so the default policy holds", "not YAML", corepolicy.Warn},
	} {
		s, _ := storetest.Open(t)
		home := storetest.Home(t, s, "acme")
		p := storetest.NewProject(t, s, project.Project{Name: "Shop", Slug: "shop", OrganizationID: home.ID})
		policies := policy.NewService(project.NewDoor(s, nil))
		if err := s.Tx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `insert into policy (project_id, version, text, modified) values ($1, 4, $2, 0)`, p.ID, text)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		got, err := policies.Get(t.Context(), local, "shop")
		var notices []string
		for _, n := range got.Notices {
			notices = append(notices, n.Text)
		}
		if err != nil || got.Text != text || !strings.Contains(got.Problem, want.problem) ||
			!strings.Contains(strings.Join(notices, "\n"), want.notice) {
			t.Errorf("%s is shown as %+v, %v", text, got, err)
		}
		if said, err := policies.Problem(t.Context(), local, "shop"); err != nil || said != got.Problem {
			t.Errorf("%s: the problem is %q, %v", text, said, err)
		}
		if err := s.View(t.Context(), func(tx *store.Tx) error {
			holds, err := policy.Of(t.Context(), tx, p.ID)
			if setting := holds.Resolve(corepolicy.Line{}); setting.Severity != want.severity || setting.Test != corepolicy.Change {
				t.Errorf("%s: %+v holds", text, setting)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
		if _, err := policies.Set(t.Context(), local, "shop", api.SetPolicy{Version: 4, Text: text + " "}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s is taken as a new text: %v", text, err)
		}
		got, err = policies.Set(t.Context(), local, "shop", api.SetPolicy{Version: 4})
		if err != nil || got.Version != 5 || got.Problem != "" {
			t.Errorf("%s is replaced by %+v, %v", text, got, err)
		}
	}
}

// TestATextIsReadForWhoMaySetIt: a long one of nothing but commas keeps the reader of YAML busy.
func TestATextIsReadForWhoMaySetIt(t *testing.T) { // alone: it counts what is allocated
	s, _ := storetest.Open(t)
	home := storetest.Home(t, s, "acme")
	storetest.NewProject(t, s, project.Project{Name: "Shop", Slug: "shop", OrganizationID: home.ID})
	policies := policy.NewService(project.NewDoor(s, nil))
	text := "rules: [" + strings.Repeat(",", 20_000)
	cost := func(actor access.Actor) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := policies.Set(t.Context(), actor, "shop", api.SetPolicy{Text: text}); err == nil {
			t.Error("it was set")
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	if stranger, us := cost(access.Actor{Kind: access.Anonymous}), cost(local); stranger > us/2 {
		t.Errorf("a stranger's text made %d bytes, ours %d", stranger, us)
	}
}

package cli_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli/clitest"
	"github.com/tachograph/tacho/internal/cli/verbs"
	"github.com/tachograph/tacho/internal/core/fault"
)

// TestListsHavePagesAndWholeOnesNone looks at one list of each kind: all commands that list are made by cli.List.
func TestListsHavePagesAndWholeOnesNone(t *testing.T) {
	t.Parallel()
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path+"?"+r.URL.RawQuery)
		w.Header().Set("X-Total-Count", "41")
		_ = json.NewEncoder(w).Encode([]api.Spec{{Slug: "small"}})
	}))
	t.Cleanup(s.Close)
	for name, row := range map[string]struct {
		args           []string
		code           int
		asked          string
		stdout, stderr string // a part of it
	}{
		"the first page":   {args: []string{"spec", "list"}, asked: "page=1&per_page=20", stdout: "small", stderr: "1 of 41; --page"},
		"another":          {args: []string{"spec", "ls", "--page", "2", "--per-page", "5"}, asked: "page=2&per_page=5", stdout: "small"},
		"as JSON":          {args: []string{"spec", "list", "--json"}, stdout: `"slug": "small"`},
		"no such page":     {args: []string{"spec", "list", "--page", "0"}, code: fault.ExitUsage, stderr: "want 1 or more"},
		"too large a page": {args: []string{"spec", "list", "--per-page", "256"}, code: fault.ExitUsage, stderr: "at most 255 rows"},
		"a list without any": {args: []string{"runner", "spec", "list", "box", "--page", "1"}, code: fault.ExitUsage,
			stderr: "unknown flag: --page"},
	} {
		asked = nil
		p := clitest.New(verbs.All)
		p.Vars["TACHO_HOST"], p.Vars["TACHO_KEY"] = s.URL, "tacho_user_x"
		if code := p.Tacho(t, row.args...); code != row.code {
			t.Errorf("%s: exit code %d, want %d: %s", name, code, row.code, p.ErrText.String())
		}
		if !strings.Contains(strings.Join(asked, " "), row.asked) || (row.code != 0) != (len(asked) == 0) {
			t.Errorf("%s: asked %v, want %s", name, asked, row.asked)
		}
		if !strings.Contains(p.OutText.String(), row.stdout) || !strings.Contains(p.ErrText.String(), row.stderr) {
			t.Errorf("%s: stdout %q, stderr %q", name, p.OutText.String(), p.ErrText.String())
		}
	}
}

package series

import "testing"

func TestRepositoriesAreToldApart(t *testing.T) {
	t.Parallel()
	const same, other = true, false
	for name, tc := range map[string]struct {
		r    Repository
		k    KnownRepository
		want bool
	}{
		"a second clone": {Repository{"h/app", "r", "/b"}, KnownRepository{[]string{"h/app"}, []string{"r"}, []string{"/a"}},
			same},
		"the same name of another owner": {Repository{"h/other/app", "q", "/b"},
			KnownRepository{[]string{"h/app"}, []string{"r"}, []string{"/a"}}, other},
		"a fork": {Repository{"h/fork/app", "r", "/b"},
			KnownRepository{[]string{"h/app"}, []string{"r"}, []string{"/a"}}, other},
		"a repository that moved to another host": {Repository{"i/app", "r", "/a"},
			KnownRepository{[]string{"h/app"}, []string{"r"}, []string{"/a"}}, same},
		"one that got an origin": {Repository{"h/app", "r", "/a"}, KnownRepository{nil, []string{"r"}, []string{"/a"}}, same},
		"one that lost its origin": {Repository{"", "r", "/b"},
			KnownRepository{[]string{"h/app"}, []string{"r"}, []string{"/a"}}, same},
		"a work tree beside it":          {Repository{"", "r", "/b"}, KnownRepository{nil, []string{"r"}, []string{"/a"}}, same},
		"another one in the same folder": {Repository{"", "q", "/a"}, KnownRepository{nil, []string{"r"}, []string{"/a"}}, other},
		"another one with an origin in the folder": {Repository{"h/x", "q", "/a"},
			KnownRepository{[]string{"h/app"}, []string{"r"}, []string{"/a"}}, other},
		"the first commit in a folder": {Repository{"", "r", "/a"}, KnownRepository{nil, nil, []string{"/a"}}, same},
		"the folder, where git does not run": {Repository{"", "", "/a"}, KnownRepository{[]string{"h/app"}, []string{"r"}, []string{"/a"}},
			same},
		"another folder":      {Repository{"", "", "/b"}, KnownRepository{nil, nil, []string{"/a"}}, other},
		"nothing known":       {Repository{}, KnownRepository{nil, nil, []string{"/a"}}, other},
		"nothing said before": {Repository{"h/app", "r", "/a"}, KnownRepository{}, other},
	} {
		if got := tc.r.Likeness(tc.k) > 0; got != tc.want {
			t.Errorf("%s: want the same %t, got %t", name, tc.want, got)
		}
	}
}

func TestTheOriginIsSurerThanTheFirstCommitAndThatThanTheFolder(t *testing.T) {
	t.Parallel()
	r := Repository{"h/app", "r", "/a"}
	last := 0
	for _, k := range []KnownRepository{{Folders: []string{"/a"}}, {Roots: []string{"r"}}, {URLs: []string{"h/app"}}} {
		got := r.Likeness(k)
		if got <= last {
			t.Errorf("%v: want more than %d, got %d", k, last, got)
		}
		last = got
	}
}

package gitctx

import "testing"

func TestAnAddressIsTheSameHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	const want = "example.org/org/app"
	for address, want := range map[string]string{
		"https://example.org/org/app": want, "https://example.org/org/app.git": want, "https://user:secret@Example.org/org/app/": want,
		"git@example.org:org/app.git": want, "example.org:/org/app": want, "ssh://git@example.org:2222/org/app.git": want,
		"git://example.org/org/app":               want,
		"https://token@example.org/org/app?x=y#z": want,
		"": "", "/srv/git/app.git": "", "../app": "", "./a:b": "", `C:\git\app`: "", "file:///srv/app": "", "https://example.org/": "",
		"https://[::": "",
	} {
		if got := repositoryAddress(address); got != want {
			t.Errorf("%q: want %q, got %q", address, want, got)
		}
	}
}

func TestTheOldestCommitOfAShallowCheckoutIsNotTheFirst(t *testing.T) {
	t.Parallel()
	const roots = "rev-list --max-parents=0 --first-parent HEAD"
	asked := map[string]string{"rev-parse --is-shallow-repository": "true", "rev-parse HEAD": head, roots: head}
	for name, row := range map[string]struct {
		files map[string]string
		want  string
	}{
		"whole":               {map[string]string{"HEAD": "ref: refs/heads/main", "refs/heads/main": head}, head},
		"shallow":             {map[string]string{"HEAD": "ref: refs/heads/main", "refs/heads/main": head, "shallow": merge + "\n"}, ""},
		"no commit yet":       {map[string]string{"HEAD": "ref: refs/heads/main"}, ""},
		"what git alone says": {map[string]string{"HEAD": "ref: refs/heads/.invalid"}, ""},
	} {
		files := map[string]string{}
		for file, text := range row.files {
			files["/src/app/.git/"+file] = text
		}
		s := source(nil, files, asked)
		got := Detect(s).Identity(s)
		if got[keyRoot] != row.want || got[keyFolder] == "" || got[keyFolder] == "/src/app" {
			t.Errorf("%s: want the first commit %q and a fingerprint of the folder, got %v", name, row.want, got)
		}
	}
}

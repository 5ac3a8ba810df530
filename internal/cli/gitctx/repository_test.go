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
	files := map[string]string{"/src/app/.git/HEAD": "ref: refs/heads/main\n"}
	const roots = "rev-list --max-parents=0 --first-parent HEAD"
	for shallow, want := range map[string]string{"false": head, "true": "", "": ""} {
		s := source(nil, files, map[string]string{"rev-parse --is-shallow-repository": shallow, roots: head})
		got := Detect(s).Identity(s)
		if got[keyRoot] != want || got[keyFolder] == "" || got[keyFolder] == "/src/app" {
			t.Errorf("shallow %q: want the first commit %q and a fingerprint of the folder, got %v", shallow, want, got)
		}
	}
}

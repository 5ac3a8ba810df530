package revision

import (
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
)

const uuid = "01960000-0000-7000-8000-000000000001"

func TestParseReadsEachForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Revision{
		uuid:                                {Kind: Report, Name: uuid},
		"report:" + uuid:                    {Kind: Report, Name: uuid},
		"report:" + strings.ToUpper(uuid):   {Kind: Report, Name: uuid},
		"commit:ABC1234":                    {Kind: Commit, Name: "abc1234"},
		"commit:" + strings.Repeat("a", 40): {Kind: Commit, Name: strings.Repeat("a", 40)},
		"abc1234":                           {Kind: Word, Name: "abc1234"},
		"abc123":                            {Kind: Branch, Name: "abc123"}, // too short for a commit
		"main":                              {Kind: Branch, Name: "main"},
		"feature/new-thing":                 {Kind: Branch, Name: "feature/new-thing"},
		"branch:abc1234":                    {Kind: Branch, Name: "abc1234"},
		"branch:" + uuid:                    {Kind: Branch, Name: uuid},
		"main@42":                           {Kind: Branch, Name: "main", Pinned: true, Number: 42},
		"main@0":                            {Kind: Branch, Name: "main", Pinned: true},
		"main@latest":                       {Kind: Branch, Name: "main", Pinned: true, Latest: true},
		"main@latest~3":                     {Kind: Branch, Name: "main", Pinned: true, Latest: true, Back: 3},
		"@latest":                           {Kind: Branch, Pinned: true, Latest: true},
		"@latest~0":                         {Kind: Branch, Pinned: true, Latest: true},
		"@7":                                {Kind: Branch, Pinned: true, Number: 7},
		"me@work":                           {Kind: Branch, Name: "me@work"},
		"me@work@latest":                    {Kind: Branch, Name: "me@work", Pinned: true, Latest: true},
		"branch:abc1234@5":                  {Kind: Branch, Name: "abc1234", Pinned: true, Number: 5},
		"größer@1":                          {Kind: Branch, Name: "größer", Pinned: true, Number: 1},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
		if again, err := Parse(got.String()); err != nil || again != got {
			t.Errorf("%s: as %s it is %+v, %v", text, got, again, err)
		}
	}
}

func TestParseSaysWhereItFails(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                          "it is empty: name a branch, a commit or a report",
		"main@":                     `"main@": character 6: want a version's number or latest after the @`,
		"main@latest~":              `"main@latest~": character 13: want a number`,
		"main@latest~x":             `"main@latest~x": character 13: want a digit`,
		"main@latest3":              `"main@latest3": character 12: want ~ and a number after latest, or nothing`,
		"größer@4x":                 `"größer@4x": character 9: want a digit`,
		"main~3":                    `"main~3": character 5: ~ counts back from the newest version, as in main@latest~3`,
		"main@99999999999999999999": `character 6: the number is larger than`,
		"@latest~100000":            `character 9: the number is larger than`,
		"two words":                 `character 4: no branch, commit or report has ' ' in its name`,
		"C:file":                    `character 2: a : goes after report, commit or branch alone`,
		"report:abc":                `character 8: want the UUID of a report`,
		"commit:abc12x4":            `character 13: want a commit in hexadecimal digits`,
		"commit:abc":                `character 8: a commit has 7 to 64 digits, this has 3`,
		"branch:":                   `character 8: want a branch's name`,
		"branch:@latest":            `character 8: want a branch's name`,
		"a..b":                      `character 1: branch "a..b": git would not accept this`,
		strings.Repeat("a", 400):    "it has 400 bytes, the limit is",
	} {
		got, err := Parse(text)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), want) {
			t.Errorf("%q: %+v, %v; want %q", text, got, err, want)
		}
	}
}

func TestForcedIsNoFile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"branch:x": true, "commit:y": true, "report:z": true, "branch": false, "x:y": false} {
		if Forced(text) != want {
			t.Errorf("%s: %v", text, !want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{uuid, "abc1234", "main@latest~3", "branch:a@b@4", "@", "commit:ABCDEF1", "ä@1", "a\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if again, err := Parse(r.String()); err != nil || again != r {
			t.Errorf("%q is %+v, and its text %q is %+v, %v", text, r, r, again, err)
		}
	})
}

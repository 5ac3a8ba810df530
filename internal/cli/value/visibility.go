package value

import (
	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/cli"
)

// CheckVisibility checks the text of a flag.
func CheckVisibility(text string) error {
	switch api.Visibility(text) {
	case "", api.Public, api.Private:
		return nil
	}
	return cli.Usage("--visibility %q: want public or private", text)
}

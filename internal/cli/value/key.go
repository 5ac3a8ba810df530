package value

import (
	"github.com/spf13/cobra"

	"github.com/tachograph/tacho/internal/core/ident"
)

// BencherFlag defines --bencher.
func BencherFlag(cmd *cobra.Command, bencher *bool) {
	cmd.Flags().BoolVar(bencher, "bencher", false,
		"write the key as Bencher's own clients want it: bencher_… (this server takes both forms)")
}

// KeyForm is the form of a key in a request: of --bencher, or empty for the usual one.
func KeyForm(bencher bool) string {
	if bencher {
		return string(ident.BencherForm)
	}
	return ""
}

const SecretEnvHelp = "NAME of a variable whose value never appears in outputs; passed on from here unless --env or --env-file sets it " +
	"(repeatable)"

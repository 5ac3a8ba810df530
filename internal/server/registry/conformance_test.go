package registry_test

import (
	"os"
	"os/exec"
	"testing"
)

// The conformance suite of the distribution specification is a program of its own. Build it outside of this module with
//
//	go test -c -o conformance.test github.com/opencontainers/distribution-spec/conformance
//
// and set TACHO_TEST_OCI_CONFORMANCE to its path.
func TestRegistryPassesTheConformanceSuite(t *testing.T) {
	t.Parallel()
	suite := os.Getenv("TACHO_TEST_OCI_CONFORMANCE")
	if suite == "" {
		t.Skip("set TACHO_TEST_OCI_CONFORMANCE to the compiled conformance suite of the OCI distribution specification")
	}
	w := newFixture(t)
	cmd := exec.CommandContext(t.Context(), suite, "-test.v")
	cmd.Dir = t.TempDir() // it leaves its reports there
	cmd.Env = append(os.Environ(),
		"OCI_ROOT_URL="+w.server.URL,
		"OCI_NAMESPACE=open/conformance",
		"OCI_CROSSMOUNT_NAMESPACE=other/conformance",
		"OCI_USERNAME=someone",
		"OCI_PASSWORD="+ownerKey,
		"OCI_TEST_PULL=1",
		"OCI_TEST_PUSH=1",
		"OCI_TEST_CONTENT_DISCOVERY=1",
		"OCI_TEST_CONTENT_MANAGEMENT=1",
		"OCI_AUTOMATIC_CROSSMOUNT=0",
		"OCI_REPORT_DIR="+cmd.Dir,
	)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("conformance suite: %v", err)
	}
	if w.log.Len() > 0 {
		t.Errorf("the registry logged:\n%s", w.log)
	}
}

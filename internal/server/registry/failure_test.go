package registry

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tachograph/tacho/internal/core/fault"
)

func TestEveryKindOfFaultHasAStatusAndACode(t *testing.T) {
	t.Parallel()
	for kind := fault.Internal; kind <= fault.Canceled; kind++ {
		for s := aboutRequest; s <= aboutTags; s++ {
			row := classify(about(s, fault.New(kind, "x")))
			if row.status < 400 || row.code == "" || strings.ToUpper(row.code) != row.code {
				t.Errorf("%v about %d: %+v", kind, s, row)
			}
		}
	}
}

func TestTheNearestMarkOfAnErrorCounts(t *testing.T) {
	t.Parallel()
	err := about(aboutManifest, fmt.Errorf("put: %w", about(aboutDigest, fault.Invalidf("bad digest"))))
	if got := classify(err).code; got != "DIGEST_INVALID" {
		t.Errorf("want DIGEST_INVALID, got %s", got)
	}
	if about(aboutBlob, nil) != nil {
		t.Error("no error about a blob is an error")
	}
	if got := classify(errors.New("boom")); got.status != 500 || got.code != "UNKNOWN" {
		t.Errorf("an unclassified error is %+v", got)
	}
}

func TestCredentialsKeepTheirSecretOutOfText(t *testing.T) {
	t.Parallel()
	c := Credentials{User: "u", Secret: "hush-hush"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(format, c); strings.Contains(s, "hush") {
			t.Errorf("%s shows the secret: %s", format, s)
		}
	}
	if s := c.LogValue().String(); strings.Contains(s, "hush") {
		t.Errorf("the log shows the secret: %s", s)
	}
}

package image

import (
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

func TestIndexesInIndexesAreFollowedSoDeepAndNoDeeper(t *testing.T) {
	t.Parallel()
	img, err := random.Image(10, 1)
	if err != nil {
		t.Fatal(err)
	}
	here := mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: runtime.GOARCH}}}
	index := mutate.AppendManifests(empty.Index, here)
	for depth := 1; depth <= limits.ImageIndexDepth+1; depth++ {
		got, err := fromIndex(index, limits.ImageIndexDepth)
		if depth > limits.ImageIndexDepth {
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "deep") {
				t.Errorf("%d deep: %v, %v, want a refusal", depth, got, err)
			}
		} else if err != nil {
			t.Errorf("%d deep: %v", depth, err)
		}
		index = mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: index})
	}
}

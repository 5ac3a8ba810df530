package sweep

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"sync"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/job"
)

// The two archives of a task: of its results, and of what there is after a failure.
const (
	bundleResult = "result.tar.gz"
	bundleError  = "error.tar.gz"
)

// objectKey says of what task and claim an archive is: results/RUN/task_ID_result.tar.gz, from the second claim on task_ID.2_result.tar.gz.
type objectKey struct {
	run, job string
	epoch    int64
	kind     string
}

var objectKeyForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(
		`^results/([A-Za-z0-9][A-Za-z0-9._-]{0,63})/task_([0-9a-f-]{36})(?:\.([1-9][0-9]{0,9}))?_(result\.tar\.gz|error\.tar\.gz)$`)
})

func parseObjectKey(key string) (k objectKey, err error) {
	parts := objectKeyForm().FindStringSubmatch(key)
	if parts == nil {
		return k, fault.Missingf("object %.200q does not exist", key)
	}
	k = objectKey{run: parts[1], job: parts[2], epoch: 1, kind: parts[4]}
	if parts[3] != "" {
		if k.epoch, err = strconv.ParseInt(parts[3], 10, 64); err != nil || k.epoch < 2 {
			return k, fault.Missingf("object %.200q does not exist", key)
		}
	}
	return k, nil
}

func (k objectKey) String() string {
	claim := ""
	if k.epoch > 1 {
		claim = fmt.Sprintf(".%d", k.epoch)
	}
	return fmt.Sprintf("results/%s/task_%s%s_%s", k.run, k.job, claim, k.kind)
}

// ResultKey is where the archive of a task's results goes. Each claim has its own: a late result never takes the place of another.
func (t GuestTask) ResultKey() string {
	return objectKey{t.Run, t.JobID, t.Epoch, bundleResult}.String()
}

// ErrorKey is where the archive of a task's failure goes.
func (t GuestTask) ErrorKey() string { return objectKey{t.Run, t.JobID, t.Epoch, bundleError}.String() }

// unpack keeps the files of a guest's archive that mean something here, as outputs of the claim. Whatever else is in it stays in the
// archive; what would not be unpacked on any system makes all of it Invalid.
func (s *Service) unpack(ctx context.Context, o job.Output, epoch int64) (out []job.Output, err error) {
	body, _, err := s.Jobs.Stored(ctx, o)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	bad := func(err error) error {
		return fault.Wrap(fault.Invalid, err, "%s: it is not a whole tar.gz archive: %s; upload it again, then complete the task", o.Path, err)
	}
	packed, err := gzip.NewReader(body)
	if err != nil {
		return nil, bad(err)
	}
	rules := core.Unpacking{Files: limits.BundleFiles, Bytes: limits.JobOutputTotal}
	entries := tar.NewReader(packed)
	for {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, bad(err)
		}
		kind := core.EntryOther
		switch entry.Typeflag {
		case tar.TypeReg:
			kind = core.EntryFile
		case tar.TypeDir:
			kind = core.EntryFolder
		}
		name, err := rules.Take(entry.Name, kind, entry.Size)
		if err != nil {
			return nil, err
		}
		to, wanted := bundleFiles[name]
		if !wanted || kind != core.EntryFile {
			continue
		}
		file, err := s.Jobs.Keep(ctx, entries, limits.JobOutputTotal)
		if err != nil {
			if fault.Is(err, fault.Internal) {
				return nil, bad(err)
			}
			return nil, err
		}
		file.Epoch, file.Kind, file.Path = epoch, string(to), name
		if to != api.ArtifactFile {
			file.Path = ""
		}
		out = append(out, file)
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(packed, limits.JobOutputTotal)); err != nil { // the checksum at the end
		return nil, bad(err)
	}
	return out, nil
}

// bundleFiles are the files of a guest's archive that become outputs of its job.
var bundleFiles = map[string]api.ArtifactKind{"output.json": api.ArtifactFile, "output.csv": api.ArtifactFile,
	"metadata.json": api.ArtifactFile, "output.txt": api.ArtifactStdout, "error.txt": api.ArtifactStderr}

var combinedForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^results/([0-9a-f-]{36})/combined_results\.tar\.gz$`)
})

// CombinedKey is where the archive of a whole sweep is fetched. It is made while it is sent.
func CombinedKey(sweepUUID string) string { return "results/" + sweepUUID + "/combined_results.tar.gz" }

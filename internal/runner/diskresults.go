package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
)

// diskResults keeps results in a directory, one folder a claim:
//
//	<dir>/<job>.<epoch>/1.stdout  1.stderr  1.file-<hash of the path>  …  record.json
//
// record.json is written last, under another name first, after all that it names is on the disk; its presence says that the result is
// whole. A folder that is being removed is renamed to ".gone-…" first, so that half a folder is never read.
type diskResults struct{ dir string }

const (
	recordName   = "record.json"
	gonePrefix   = ".gone-"
	recordsBytes = 8 * limits.MiB // of one record: 1,000 iterations with 255 files each would be over it, and over JobOutputTotal long before
)

func openResults(stateDir string) (*diskResults, error) {
	r := &diskResults{dir: filepath.Join(stateDir, "spool")}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make spool: %w", err)
	}
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return nil, fmt.Errorf("read spool: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), gonePrefix) {
			if err := os.RemoveAll(filepath.Join(r.dir, e.Name())); err != nil {
				return nil, fmt.Errorf("clean spool: %w", err)
			}
		}
	}
	return r, nil
}

func (r *diskResults) begin(job string, epoch int64) (entry, error) {
	if job == "" || len(job) > 64 || strings.Trim(job, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
		return nil, fmt.Errorf("job id %.80q cannot name a folder", job)
	}
	e := &diskEntry{dir: filepath.Join(r.dir, job+"."+strconv.FormatInt(epoch, 10))}
	if err := e.remove(); err != nil {
		return nil, err
	}
	if err := os.Mkdir(e.dir, 0o700); err != nil {
		return nil, err
	}
	return e, syncDir(r.dir)
}

func (r *diskResults) leftovers() ([]leftover, error) {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return nil, err
	}
	type aged struct {
		leftover
		since time.Time
	}
	var found []aged
	for _, e := range entries {
		job, number, ok := strings.Cut(e.Name(), ".")
		epoch, err := strconv.ParseInt(number, 10, 64)
		if !ok || err != nil || job == "" || !e.IsDir() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		d := &diskEntry{dir: filepath.Join(r.dir, e.Name())}
		rec, err := d.read(job, epoch)
		if err != nil {
			return nil, fmt.Errorf("spool entry %s: %w", e.Name(), err)
		}
		found = append(found, aged{leftover{job: job, epoch: epoch, entry: d, record: rec}, info.ModTime()})
	}
	slices.SortStableFunc(found, func(a, b aged) int { return a.since.Compare(b.since) })
	out := make([]leftover, len(found))
	for i, f := range found {
		out[i] = f.leftover
	}
	return out, nil
}

type diskEntry struct{ dir string }

// read returns the record, nil if there is none or it is not this claim's: then the claim counts as unfinished.
func (e *diskEntry) read(job string, epoch int64) (*record, error) {
	f, err := os.Open(filepath.Join(e.dir, recordName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, recordsBytes))
	if err != nil {
		return nil, err
	}
	var rec record
	if json.Unmarshal(text, &rec) != nil || rec.Terminal.Job != job || rec.Terminal.Epoch != epoch {
		return nil, nil
	}
	return &rec, nil
}

// name returns an output's file name. A path of the sandbox never becomes a path here.
func (e *diskEntry) name(kind api.ArtifactKind, iteration int, path string) string {
	name := strconv.Itoa(iteration) + "." + string(kind)
	if path != "" {
		sum := sha256.Sum256([]byte(path))
		name += "-" + hex.EncodeToString(sum[:16])
	}
	return filepath.Join(e.dir, name)
}

func (e *diskEntry) create(kind api.ArtifactKind, iteration int, path string) (io.WriteCloser, error) {
	return os.OpenFile(e.name(kind, iteration, path), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
}

func (e *diskEntry) open(o output) (io.ReadCloser, error) {
	return os.Open(e.name(o.Kind, o.Iteration, o.Path))
}

func (e *diskEntry) finish(rec record) error {
	for _, o := range rec.Outputs {
		if err := syncPath(e.name(o.Kind, o.Iteration, o.Path)); err != nil {
			return err
		}
	}
	text, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	fresh := filepath.Join(e.dir, recordName+".new")
	f, err := os.OpenFile(fresh, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(fresh, filepath.Join(e.dir, recordName)); err != nil {
		return err
	}
	return syncDir(e.dir)
}

func (e *diskEntry) remove() error {
	gone := filepath.Join(filepath.Dir(e.dir), gonePrefix+filepath.Base(e.dir))
	if err := os.RemoveAll(gone); err != nil {
		return err
	}
	if err := os.Rename(e.dir, gone); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(e.dir)); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}

func syncPath(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

package sweep

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/fault"
	corejob "github.com/tachograph/tacho/internal/core/job"
	"github.com/tachograph/tacho/internal/core/limits"
	core "github.com/tachograph/tacho/internal/core/sweep"
	"github.com/tachograph/tacho/internal/server/job"
	"github.com/tachograph/tacho/internal/server/project"
	"github.com/tachograph/tacho/internal/server/store"
)

// Archive is what the tasks of a sweep left, as a tar file compressed by gzip:
//
//	sweep.json                               what was asked for
//	<instance-identifier>-<task-id>/         for each task that a machine has ended
//	    output.txt, stderr.txt               what it printed
//	    output.json, …                       files that it left, under their own names
//	    metadata.json                        what ran where, when, and at what price
//	    error.txt                            why it failed, if it did
//	MANIFEST.json                            the files before it, with size and SHA-256
//
// Tasks come by pool, slot and place, and times are those of the tasks, so the same sweep gives the same bytes as long as no more tasks
// end. It is made while it is sent: one page of tasks and one block of a file are in memory, beside the manifest.
type Archive struct {
	service *Service
	project project.Project
	sweep   Sweep
	pools   map[string]Pool
	slots   map[string]Slot
	by      map[string]Machine // by id
	tasks   []string           // ids of their jobs, in order
}

// Name is what a file of the archive is called.
func (a *Archive) Name() string { return a.sweep.ExternalID + ".tar.gz" }

// Archive opens the archive of a sweep. That of one which has not ended holds the tasks that have.
func (s *Service) Archive(ctx context.Context, actor access.Actor, projectRef, ref string) (*Archive, error) {
	a := &Archive{service: s}
	err := s.Door.View(ctx, actor, projectRef, func(tx *store.Tx, p project.Project) error {
		w, err := Find(ctx, tx, p.ID, ref)
		if err != nil {
			return err
		}
		return a.open(ctx, tx, p, w)
	})
	return a, err
}

// open reads what there is to pack.
func (a *Archive) open(ctx context.Context, tx *store.Tx, p project.Project, w Sweep) error {
	rows, err := rowsOf(ctx, tx, w)
	if err != nil {
		return err
	}
	if a.tasks, err = TaskIDs(ctx, tx, w.ID); err != nil {
		return err
	}
	a.project, a.sweep = p, w
	a.pools, a.slots, a.by = map[string]Pool{}, map[string]Slot{}, map[string]Machine{}
	for _, p := range rows.pools {
		a.pools[p.ID] = p
	}
	for _, o := range rows.slots {
		a.slots[o.ID] = o
	}
	for _, m := range rows.machines {
		a.by[m.ID] = m
	}
	return nil
}

// archivePage is how many tasks are read at once.
const archivePage = 100

// Write sends the archive. An error in the middle leaves half of it, which has no manifest and no end.
func (a *Archive) Write(ctx context.Context, w io.Writer) error {
	compressed := gzip.NewWriter(w)
	out := &packing{tar: tar.NewWriter(compressed), manifest: core.Manifest{Sweep: a.sweep.ExternalID, Files: []core.ManifestFile{}}}
	if err := out.json("sweep.json", a.sweep.Created, a.asked()); err != nil {
		return err
	}
	var folders core.Folders
	for ids := range slices.Chunk(a.tasks, archivePage) {
		tasks, err := a.page(ctx, ids)
		if err != nil {
			return err
		}
		for _, t := range tasks {
			if !corejob.Ended(api.JobStatus(t.job.State)) || t.MachineID == nil {
				continue
			}
			if err := a.task(ctx, out, folders.Name(a.instance(*t.MachineID), t.JobID), t); err != nil {
				return fmt.Errorf("archive task %s: %w", t.JobID, err)
			}
		}
	}
	if err := out.json(core.ManifestName, a.sweep.Created, out.manifest); err != nil {
		return err
	}
	if err := out.tar.Close(); err != nil {
		return err
	}
	return compressed.Close()
}

// packed is a task with its job, and what this left.
type packed struct {
	Task
	job     job.Job
	outputs []job.Output
	live    string // what it had printed until it was lost, where nothing was delivered
}

// page reads tasks with what they left.
func (a *Archive) page(ctx context.Context, ids []string) (out []packed, err error) {
	err = a.service.Store.View(ctx, func(tx *store.Tx) error {
		out = nil
		for _, id := range ids {
			t, there, err := taskOf(ctx, tx, id)
			if err != nil {
				return err
			}
			if !there {
				return fault.Missingf("sweep %s: it was deleted while its archive was made", a.sweep.ExternalID)
			}
			one := packed{Task: t}
			if one.job, err = job.ByID(ctx, tx, t.JobID); err != nil {
				return err
			}
			if one.outputs, err = job.JobOutputs(ctx, tx, t.JobID, one.job.Epoch); err != nil {
				return err
			}
			if len(one.outputs) == 0 && one.job.State == string(api.JobFailed) {
				if one.live, err = printed(ctx, tx, one.job); err != nil {
					return err
				}
			}
			out = append(out, one)
		}
		return nil
	})
	return out, err
}

// printed is the live output of a job, of both streams in the order in which it came.
func printed(ctx context.Context, tx *store.Tx, j job.Job) (string, error) {
	logs, err := job.JobLogs(ctx, tx, j.ID, j.Epoch, 0, limits.LiveLogBytes)
	var b strings.Builder
	for _, l := range logs {
		b.WriteString(l.Body)
	}
	return b.String(), err
}

// instance is what the provider calls a machine, or its token where the provider never said.
func (a *Archive) instance(machineID string) string {
	return cmp.Or(a.by[machineID].NativeID, machineID)
}

// task writes the folder of a task.
func (a *Archive) task(ctx context.Context, out *packing, folder string, t packed) error {
	at := a.sweep.Created
	if t.Completed != nil {
		at = *t.Completed
	}
	about := a.metadata(t)
	names := fileNames(t.outputs)
	for i, o := range t.outputs {
		f := packedFile{Name: names[i], Kind: o.Kind, Path: o.Path, Iteration: o.Iteration, Size: o.SizeBytes, SHA256: hexOf(o.Digest),
			Truncated: o.Truncated}
		if o.Kind == string(api.ArtifactBundle) {
			f.Name, f.LeftOut = "", "its files are beside this; the job has it whole"
			about.Files = append(about.Files, f)
			continue
		}
		if i >= limits.ArchiveFilesPerTask-4 { // beside metadata, error, live output and the folder itself
			f.Name, f.LeftOut = "", "more files than an archive has of a task; the job has it"
			about.Files = append(about.Files, f)
			continue
		}
		switch err := a.output(ctx, out, path.Join(folder, names[i]), at, o); {
		case fault.Is(err, fault.Missing):
			f.Name, f.LeftOut = "", "not stored any more"
		case err != nil:
			return err
		}
		about.Files = append(about.Files, f)
	}
	if t.live != "" {
		if err := out.text(path.Join(folder, "output.txt"), at, t.live); err != nil {
			return err
		}
		about.Files = append(about.Files, packedFile{Name: "output.txt", Kind: "live", Size: int64(len(t.live)), Truncated: true})
	}
	if about.Reason != "" || about.Error != "" {
		if err := out.text(path.Join(folder, "error.txt"), at, strings.TrimSpace(about.Reason+": "+about.Error)+"\n"); err != nil {
			return err
		}
	}
	return out.json(path.Join(folder, "metadata.json"), at, about)
}

// output writes one stored output.
func (a *Archive) output(ctx context.Context, out *packing, name string, at time.Time, o job.Output) error {
	body, size, err := a.service.Jobs.Stored(ctx, o)
	if err != nil {
		return err
	}
	defer body.Close()
	return out.file(name, at, size, body)
}

// fileNames are the names of outputs in the folder of their task: what was printed is output.txt and stderr.txt, unless a file has that
// name, and files have the last part of their path. What is not of the first iteration is in a folder of its own, and no name is there
// twice.
func fileNames(outputs []job.Output) []string {
	taken := map[string]bool{"metadata.json": true, "error.txt": true}
	names := make([]string, len(outputs))
	give := func(i int, name string) {
		if n := outputs[i].Iteration; n > 0 {
			name = "iteration-" + strconv.Itoa(n+1) + "/" + name
		}
		unique, ending := name, path.Ext(name)
		for n := 2; taken[strings.ToLower(unique)]; n++ {
			unique = strings.TrimSuffix(name, ending) + "~" + strconv.Itoa(n) + ending
		}
		taken[strings.ToLower(unique)], names[i] = true, unique
	}
	for i, o := range outputs { // files have the first choice
		if o.Kind == string(api.ArtifactFile) {
			give(i, core.PlainName(path.Base(path.Clean("/"+o.Path))))
		}
	}
	for i, o := range outputs {
		switch {
		case o.Kind == string(api.ArtifactFile):
		case o.Kind == string(api.ArtifactStdout):
			give(i, "output.txt")
		default:
			give(i, core.PlainName(o.Kind+".txt"))
		}
	}
	return names
}

func hexOf(digest string) string { return strings.TrimPrefix(digest, "sha256:") }

// packedSweep is sweep.json.
type packedSweep struct {
	ID        string              `json:"id"`
	Name      string              `json:"name"`
	Suite     string              `json:"suite,omitempty"`
	Params    map[string]string   `json:"params,omitempty"`
	Repeats   int                 `json:"repeats"`
	Seed      string              `json:"seed"`
	Hash      string              `json:"hash,omitempty"` // commit
	Workloads []api.SweepWorkload `json:"workloads"`
	Expected  *api.SweepExpected  `json:"expected,omitempty"`
	Config    json.RawMessage     `json:"config"`
	Created   time.Time           `json:"created"`
	Pools     []packedPool        `json:"pools"`
}

// packedPool is a pool in an archive.
type packedPool struct {
	Name     string         `json:"name"`
	Provider string         `json:"provider"`
	Type     string         `json:"type"`
	Market   string         `json:"market"`
	Share    string         `json:"share"`
	Hosts    int            `json:"hosts"`
	Price    api.SweepPrice `json:"price"`
}

func wirePool(p Pool) packedPool {
	return packedPool{Name: p.Alias, Provider: p.Provider, Type: p.Type, Market: string(p.Market), Share: string(p.Share), Hosts: p.Hosts,
		Price: wirePrice(p.Price)}
}

func (a *Archive) asked() packedSweep {
	plan := a.sweep.Plan
	out := packedSweep{ID: a.sweep.ExternalID, Name: a.sweep.Name, Suite: plan.Suite, Params: plan.Params, Repeats: plan.Repeats,
		Seed: plan.Seed, Hash: plan.Hash, Workloads: plan.Workloads, Expected: plan.Expected, Config: json.RawMessage(a.sweep.Config),
		Created: a.sweep.Created, Pools: []packedPool{}}
	for _, p := range a.pools {
		out.Pools = append(out.Pools, wirePool(p))
	}
	slices.SortFunc(out.Pools, func(a, b packedPool) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// packedTask is metadata.json.
type packedTask struct {
	Sweep     string            `json:"sweep"`
	Task      string            `json:"task"` // id of the job
	Report    string            `json:"report"`
	Suite     string            `json:"suite,omitempty"`
	Params    map[string]string `json:"params,omitempty"`
	Workload  string            `json:"workload"`
	Repeat    int               `json:"repeat"`
	Place     int               `json:"place"` // in the order of its machine
	Attempt   int               `json:"attempt"`
	Image     string            `json:"image"`
	Digest    string            `json:"digest"`
	Cmd       []string          `json:"cmd,omitempty"`
	Adapter   string            `json:"adapter"`
	Status    string            `json:"status"` // completed, failed or canceled
	Late      bool              `json:"late,omitempty"`
	Reason    string            `json:"reason,omitempty"`
	Error     string            `json:"error,omitempty"`
	Claimed   *time.Time        `json:"claimed,omitempty"`
	Started   *time.Time        `json:"started,omitempty"`
	Completed *time.Time        `json:"completed,omitempty"`
	Pool      packedPool        `json:"pool"`
	Slot      int               `json:"slot"`
	Machine   packedMachine     `json:"machine"`
	Host      json.RawMessage   `json:"host,omitempty"` // what the runner found
	Files     []packedFile      `json:"files"`
}

// packedMachine is the machine of a task.
type packedMachine struct {
	ID       string            `json:"id"`
	NativeID string            `json:"native_id,omitempty"`
	Region   string            `json:"region,omitempty"`
	Zone     string            `json:"zone,omitempty"`
	Market   string            `json:"market,omitempty"`
	Price    api.SweepPrice    `json:"price"`
	Launched *time.Time        `json:"launched,omitempty"`
	Suspect  string            `json:"suspect,omitempty"`
	Facts    *api.MachineFacts `json:"facts,omitempty"`
}

// packedFile is a file of a task.
type packedFile struct {
	Name      string `json:"name,omitempty"` // in the folder; absent: it is left out
	Kind      string `json:"kind"`           // stdout, stderr, file or live
	Path      string `json:"path,omitempty"` // where the task left it
	Iteration int    `json:"iteration,omitempty"`
	Size      int64  `json:"size"`
	SHA256    string `json:"sha256,omitempty"`
	Truncated bool   `json:"truncated,omitempty"` // the runner cut it
	LeftOut   string `json:"left_out,omitempty"`  // why
}

func (a *Archive) metadata(t packed) packedTask {
	m, plan := a.by[*t.MachineID], a.sweep.Plan
	out := packedTask{Sweep: a.sweep.ExternalID, Task: t.JobID, Report: t.ReportID, Suite: plan.Suite, Params: plan.Params,
		Workload: t.Workload, Repeat: t.Repeat, Place: t.Place, Attempt: t.Attempt, Image: t.job.Image, Digest: t.job.Digest,
		Status: t.State, Late: t.Late, Reason: t.Reason, Error: t.Error, Claimed: t.Claimed, Started: t.job.Started,
		Completed: t.Completed, Pool: wirePool(a.pools[t.PoolID]), Slot: a.slots[t.SlotID].Ordinal, Files: []packedFile{},
		Machine: packedMachine{ID: m.ID, NativeID: m.NativeID, Region: m.Region, Zone: m.Zone, Market: string(m.Market),
			Price: wirePrice(m.Price), Launched: orNil(m.Launched), Suspect: m.Suspect, Facts: m.Facts}}
	if t.State == string(api.JobProcessed) {
		out.Status = string(api.JobCompleted)
	}
	if t.job.Host != nil {
		out.Host = json.RawMessage(*t.job.Host)
	}
	for _, w := range plan.Workloads {
		if w.Name == t.Workload {
			out.Cmd, out.Adapter = w.Cmd, w.Adapter
		}
	}
	return out
}

// packing writes the files of an archive and their manifest.
type packing struct {
	tar      *tar.Writer
	manifest core.Manifest
}

// file writes size bytes of r.
func (p *packing) file(name string, at time.Time, size int64, r io.Reader) error {
	if err := p.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644,
		ModTime: at.UTC().Truncate(time.Second)}); err != nil {
		return err
	}
	sum := sha256.New()
	switch n, err := io.Copy(io.MultiWriter(p.tar, sum), r); {
	case err != nil:
		return err
	case n != size:
		return fmt.Errorf("%s has %d bytes instead of %d", name, n, size)
	}
	p.manifest.Files = append(p.manifest.Files, core.ManifestFile{Path: name, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))})
	return nil
}

func (p *packing) text(name string, at time.Time, text string) error {
	return p.file(name, at, int64(len(text)), strings.NewReader(text))
}

// json writes a value so that people can read it.
func (p *packing) json(name string, at time.Time, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return p.text(name, at, string(raw)+"\n")
}

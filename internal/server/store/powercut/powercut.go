// Package powercut is a disk for tests that loses what was not flushed, as a disk does when the power is cut.
//
// It stands between SQLite and the operating system: every write goes through to the real file and is remembered until the file is
// flushed. Cut makes the files as a power cut at this moment would leave them: what was flushed is there, and of what was written since
// any part may be, each sector of its own. Used by tests of the store and of the services over it; it is not part of the server.
package powercut

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// sectorBytes is what a disk writes whole or not at all.
const sectorBytes = 512

// Disk remembers what is not flushed of the files of one folder. It is safe for concurrent use.
type Disk struct {
	vfs string

	mu    sync.Mutex
	files map[string]*file // by path; only those that were opened for writing
}

// file is what the disk holds, and what was written and not flushed, in order.
type file struct {
	kept    []byte
	pending []change
}

// change is a write, or with data nil a new size.
type change struct {
	at   int64
	data []byte
}

// New returns a disk. The files must be new too: of those that were there before, the disk knows nothing.
func New() *Disk {
	d := &Disk{vfs: fmt.Sprintf("powercut%d", disks.Add(1)), files: map[string]*file{}}
	d.register()
	return d
}

// VFS is the name under which SQLite knows the disk.
func (d *Disk) VFS() string { return d.vfs }

// Flush puts all that was written to a file until now on the disk.
func (d *Disk) Flush(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.files[path]; f != nil {
		for _, c := range f.pending {
			f.kept = c.apply(f.kept)
		}
		f.pending = nil
	}
	return nil
}

// Cut writes the files into a folder as a power cut at this moment would leave them. Each sector of an unflushed write is there with the
// probability survives; sizes that were cut and not flushed are as before.
func (d *Disk) Cut(folder string, survives float64, random *rand.Rand) error {
	d.mu.Lock()
	left := map[string][]byte{}
	for path, f := range d.files {
		content := slices.Clone(f.kept)
		for _, c := range f.pending {
			for at := 0; at < len(c.data); at += sectorBytes {
				if random.Float64() < survives {
					content = change{c.at + int64(at), c.data[at:min(at+sectorBytes, len(c.data))]}.apply(content)
				}
			}
		}
		left[filepath.Base(path)] = content
	}
	d.mu.Unlock()
	for name, content := range left {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (d *Disk) note(path string, c change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[path]
	if f == nil {
		f = &file{}
		d.files[path] = f
	}
	f.pending = append(f.pending, c)
}

func (d *Disk) forget(path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.files, path)
}

// apply returns content with the change in it.
func (c change) apply(content []byte) []byte {
	if c.data == nil {
		if int64(len(content)) > c.at {
			return content[:c.at]
		}
		return append(content, make([]byte, c.at-int64(len(content)))...)
	}
	if end := c.at + int64(len(c.data)); int64(len(content)) < end {
		content = append(content, make([]byte, end-int64(len(content)))...)
	}
	copy(content[c.at:], c.data)
	return content
}

// What follows is the seam to SQLite: a copy of the system's VFS, in which opening a file for writing replaces four of its methods.

var (
	disks atomic.Int64

	seam  sync.Mutex
	owner = map[uintptr]*Disk{} // VFS → its disk
	open  = map[uintptr]handle{}
	// ours are the replaced tables of methods, by the address of the system's.
	ours = map[uintptr]uintptr{}
	tls  = libc.NewTLS()

	systemOpen   func(tls *libc.TLS, vfs, name, f uintptr, flags int32, outFlags uintptr) int32
	systemDelete func(tls *libc.TLS, vfs, name uintptr, syncFolder int32) int32
)

type handle struct {
	disk   *Disk
	path   string
	system *sqlite3.Tsqlite3_io_methods
}

func (d *Disk) register() {
	seam.Lock()
	defer seam.Unlock()
	learn()
	system := at[sqlite3.Tsqlite3_vfs](sqlite3.Xsqlite3_vfs_find(tls, 0))
	vfs := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(*system)))
	name, err := libc.CString(d.vfs)
	if err != nil || vfs == 0 {
		panic("powercut: out of memory")
	}
	v := at[sqlite3.Tsqlite3_vfs](vfs)
	*v = *system
	v.FzName, v.FpNext = name, 0
	v.FxOpen = pointer(openFile)
	v.FxDelete = pointer(deleteFile)
	owner[vfs] = d
	if rc := sqlite3.Xsqlite3_vfs_register(tls, vfs, 0); rc != sqlite3.SQLITE_OK {
		panic(fmt.Sprintf("powercut: register: %d", rc))
	}
}

// learn reads the functions of the system's VFS, once.
var learn = sync.OnceFunc(func() {
	system := at[sqlite3.Tsqlite3_vfs](sqlite3.Xsqlite3_vfs_find(tls, 0))
	systemOpen = function[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](system.FxOpen)
	systemDelete = function[func(*libc.TLS, uintptr, uintptr, int32) int32](system.FxDelete)
})

// pointer is a function as the translated C calls it; function is the way back.
func pointer[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&struct{ f F }{f})) }

func function[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&struct{ uintptr }{p})) }

// at is what lies at an address of C's memory.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

func openFile(tls *libc.TLS, vfs, name, f uintptr, flags int32, outFlags uintptr) int32 {
	rc := systemOpen(tls, vfs, name, f, flags, outFlags)
	if rc != sqlite3.SQLITE_OK || name == 0 || flags&sqlite3.SQLITE_OPEN_READWRITE == 0 {
		return rc
	}
	seam.Lock()
	defer seam.Unlock()
	opened := at[sqlite3.Tsqlite3_file](f)
	theirs := opened.FpMethods
	open[f] = handle{owner[vfs], libc.GoString(name), at[sqlite3.Tsqlite3_io_methods](theirs)}
	if ours[theirs] == 0 {
		table := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(sqlite3.Tsqlite3_io_methods{})))
		m := at[sqlite3.Tsqlite3_io_methods](table)
		*m = *at[sqlite3.Tsqlite3_io_methods](theirs)
		m.FxWrite, m.FxTruncate, m.FxSync, m.FxClose = pointer(writeFile), pointer(truncateFile), pointer(syncFile), pointer(closeFile)
		ours[theirs] = table
	}
	opened.FpMethods = ours[theirs]
	return rc
}

func deleteFile(tls *libc.TLS, vfs, name uintptr, syncFolder int32) int32 {
	seam.Lock()
	d := owner[vfs]
	seam.Unlock()
	d.forget(libc.GoString(name))
	return systemDelete(tls, vfs, name, syncFolder)
}

func handleOf(f uintptr) handle {
	seam.Lock()
	defer seam.Unlock()
	return open[f]
}

func writeFile(tls *libc.TLS, f, data uintptr, n int32, offset int64) int32 {
	h := handleOf(f)
	h.disk.note(h.path, change{offset, slices.Clone(unsafe.Slice(at[byte](data), n))})
	return function[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](h.system.FxWrite)(tls, f, data, n, offset)
}

func truncateFile(tls *libc.TLS, f uintptr, size int64) int32 {
	h := handleOf(f)
	h.disk.note(h.path, change{at: size})
	return function[func(*libc.TLS, uintptr, int64) int32](h.system.FxTruncate)(tls, f, size)
}

// syncFile does not trouble the real disk.
func syncFile(_ *libc.TLS, f uintptr, _ int32) int32 {
	h := handleOf(f)
	_ = h.disk.Flush(h.path)
	return sqlite3.SQLITE_OK
}

func closeFile(tls *libc.TLS, f uintptr) int32 {
	h := handleOf(f)
	seam.Lock()
	delete(open, f)
	seam.Unlock()
	return function[func(*libc.TLS, uintptr) int32](h.system.FxClose)(tls, f)
}

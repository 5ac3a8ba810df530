//go:build linux

package isolatetest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/runner/isolate"
)

// whatCannotRunIsNotTheMachinesFault has images and commands that no machine can run. They are refused as the image's fault, also where
// it is the kernel that refuses what the runtime has let pass: nobody tries them on another machine, and they are no exit code of a
// benchmark.
func whatCannotRunIsNotTheMachinesFault(t *bench) {
	probe, err := os.ReadFile(filepath.Join(t.image, "probe"))
	if err != nil {
		t.Fatal(err)
	}
	foreign := bytes.Clone(probe)
	foreign[18], foreign[19] = byte(elf.EM_S390), 0
	for name, row := range map[string]struct {
		body    []byte // of /program; nil: there is none
		mode    os.FileMode
		program string
		change  func(*isolate.Task)
	}{
		"nothing":                      {nil, 0, "/program", nil},
		"nothing of its name":          {nil, 0, "program", nil},
		"a folder":                     {nil, 0, "/etc", nil},
		"the root":                     {nil, 0, "/", nil},
		"a file of text":               {probe, 0o644, "/program", nil},
		"text that may be run":         {[]byte("neither program nor script\n"), 0o755, "/program", nil},
		"an empty file":                {[]byte{}, 0o755, "/program", nil},
		"half a header":                {probe[:20], 0o755, "/program", nil},
		"another processor's":          {foreign, 0o755, "/program", nil},
		"a script without its shell":   {[]byte("#!/bin/shell -e\n"), 0o755, "/program", nil},
		"a script without an end":      {[]byte("#!"), 0o755, "/program", nil},
		"a program without its linker": {dynamic("/lib64/ld-nowhere.so"), 0o755, "/program", nil},
		"a file below a file":          {probe, 0o755, "/program/below", nil},
		"a name that is too long":      {nil, 0, "/" + strings.Repeat("x", 300), nil},
		"a name that ends early":       {nil, 0, "/program\x00", nil},
		"a variable that ends early":   {probe, 0o755, "/program", func(tk *isolate.Task) { tk.Env = []string{"A=\x00B"} }},
		"a variable without a name":    {probe, 0o755, "/program", func(tk *isolate.Task) { tk.Env = []string{"=B"} }},
		"a variable without a value":   {probe, 0o755, "/program", func(tk *isolate.Task) { tk.Env = []string{"A"} }},
	} {
		image := t.imageWithout("program")
		if row.body != nil {
			if err := os.WriteFile(filepath.Join(image, "program"), row.body, row.mode); err != nil {
				t.Fatal(err)
			}
		}
		tk := t.task()
		tk.RootFS, tk.Args = image, []string{row.program, "exit", "0"}
		if row.change != nil {
			row.change(&tk)
		}
		if exit, err := t.attempt(tk, io.Discard); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %+v, %v, want a fault of the image", name, exit, err)
		}
	}
}

// dynamic is a program that asks for a linker.
func dynamic(linker string) []byte {
	var b bytes.Buffer
	head := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Entry: 0x400000, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 2}
	if runtime.GOARCH == "arm64" {
		head.Machine = uint16(elf.EM_AARCH64)
	}
	copy(head.Ident[:], "\x7fELF\x02\x01\x01")
	const at = 64 + 2*56
	size := uint64(at + len(linker) + 1)
	for _, part := range []any{
		head,
		elf.Prog64{Type: uint32(elf.PT_INTERP), Off: at, Filesz: uint64(len(linker) + 1), Memsz: uint64(len(linker) + 1)},
		elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: 0x400000, Filesz: size, Memsz: size, Align: 4096},
	} {
		binary.Write(&b, binary.LittleEndian, part) // into memory, of fixed sizes: it cannot fail
	}
	return append(b.Bytes(), linker+"\x00"...)
}

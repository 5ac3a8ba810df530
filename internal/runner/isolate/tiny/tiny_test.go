package tiny

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

func TestProgramsAreWholeELFFiles(t *testing.T) {
	t.Parallel()
	for goarch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		for name, program := range map[string][]byte{"nothing": Nothing(goarch), "proof": Proof(goarch)} {
			f, err := elf.NewFile(bytes.NewReader(program))
			if err != nil {
				t.Fatalf("%s for %s: %v", name, goarch, err)
			}
			if f.Machine != machine || f.Type != elf.ET_EXEC || len(f.Progs) != 1 {
				t.Errorf("%s for %s: %+v", name, goarch, f.FileHeader)
			}
			load := f.Progs[0]
			if load.Type != elf.PT_LOAD || load.Filesz != uint64(len(program)) || f.Entry < load.Vaddr || f.Entry >= load.Vaddr+load.Memsz || load.Flags&elf.PF_X == 0 {
				t.Errorf("%s for %s: entry %#x in %+v", name, goarch, f.Entry, load.ProgHeader)
			}
		}
	}
	if Nothing("riscv64") != nil || Proof("riscv64") != nil {
		t.Error("a program for an architecture whose instructions we do not know")
	}
}

// TestProofWritesAndSaysWhetherItCould, on this machine's own architecture.
func TestProofWritesAndSaysWhetherItCould(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" || Proof(runtime.GOARCH) == nil {
		t.Skipf("the programs are for Linux on amd64 and arm64, this is %s on %s", runtime.GOOS, runtime.GOARCH)
	}
	run := func(program []byte, dir string) (stdout string, code int) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "program")
		if err := os.WriteFile(file, program, 0o700); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(file)
		cmd.Dir = dir
		out, err := cmd.Output()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	dir := t.TempDir()
	if out, code := run(Proof(runtime.GOARCH), dir); out != Word || code != 0 {
		t.Errorf("it prints %q and ends with %d", out, code)
	}
	if got, err := os.ReadFile(filepath.Join(dir, File)); err != nil || string(got) != Word {
		t.Errorf("it leaves %q, %v", got, err)
	}
	blocked := t.TempDir()
	if err := os.Mkdir(filepath.Join(blocked, File), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, code := run(Proof(runtime.GOARCH), blocked); out != Word || code != 1 {
		t.Errorf("where it cannot write it prints %q and ends with %d", out, code)
	}
	if out, code := run(Nothing(runtime.GOARCH), dir); out != "" || code != 0 {
		t.Errorf("nothing prints %q and ends with %d", out, code)
	}
}

// TestInstructionsAreAsGosAssemblerHasThem, for the architecture that tests rarely run on.
func TestInstructionsAreAsGosAssemblerHasThem(t *testing.T) {
	t.Parallel()
	a := &arm64{}
	a.set(8, 0x400040)
	a.call(open)
	a.differs(6)
	want := []byte{
		0x08, 0x08, 0x80, 0xd2, // MOVZ $0x40, R8
		0x08, 0x08, 0xa0, 0xf2, // MOVK $(0x40<<16), R8
		0x60, 0x0c, 0x80, 0x92, // MOVN $99, R0
		0x08, 0x07, 0x80, 0xd2, // MOVZ $56, R8
		0x08, 0x00, 0xa0, 0xf2, // MOVK $(0<<16), R8
		0x01, 0x00, 0x00, 0xd4, // SVC
		0x1f, 0x18, 0x00, 0xf1, // CMP $6, R0
		0xe0, 0x07, 0x9f, 0x9a, // CSET NE, R0
	}
	if got := a.bytes(); !bytes.Equal(got, want) {
		t.Errorf("got  % x\nwant % x", got, want)
	}
}

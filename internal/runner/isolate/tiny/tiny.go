// Package tiny makes static Linux programs of a few hundred bytes, so that a sandbox can be tried without an image.
//
// A program is a whole ELF file: its header, one program header, which loads the file at one address, instructions, and what they print.
// There is no compiler in between; the instructions are written here, for x86-64 and AArch64. Runner and drivers call it.
package tiny

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// Word is what Proof prints, and leaves in File of its working directory.
const Word, File = "tacho\n", "proof"

const (
	loadedAt  = 0x400000 // above the lowest pages, which kernels keep empty, and aligned for pages up to 64 KiB
	headBytes = 64 + 56  // of elf.Header64 and elf.Prog64
	stdout    = 1
	openFlags = 0x241 // O_WRONLY | O_CREAT | O_TRUNC, the same on both architectures
	openMode  = 0o644
)

// Nothing is a program that ends at once; nil where we know no instructions.
func Nothing(goarch string) []byte {
	return program(goarch, func(a assembler, _, _ uint32) { a.call(exit, imm(0)) })
}

// Proof is a program that prints Word, writes it into File, and ends with 0 if the file took it, else with 1; nil where we know no
// instructions.
func Proof(goarch string) []byte {
	return program(goarch, func(a assembler, word, file uint32) {
		a.call(write, imm(stdout), imm(word), imm(uint32(len(Word))))
		a.call(open, imm(file), imm(openFlags), imm(openMode))
		a.call(write, answer, imm(word), imm(uint32(len(Word))))
		a.differs(uint32(len(Word)))
		a.call(exit, answer)
	})
}

// program assembles twice: the addresses of the strings depend on how long the code is, and that not on the addresses.
func program(goarch string, write func(a assembler, word, file uint32)) []byte {
	var machine elf.Machine
	var fresh func() assembler
	switch goarch {
	case "amd64":
		machine, fresh = elf.EM_X86_64, func() assembler { return &amd64{} }
	case "arm64":
		machine, fresh = elf.EM_AARCH64, func() assembler { return &arm64{} }
	default:
		return nil
	}
	first := fresh()
	write(first, 0, 0)
	word := uint32(loadedAt + headBytes + len(first.bytes()))
	a := fresh()
	write(a, word, word+uint32(len(Word)))
	body := append(a.bytes(), Word+File+"\x00"...)

	size := uint64(headBytes + len(body))
	head := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1, Entry: loadedAt + headBytes, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1,
	}
	copy(head.Ident[:], "\x7fELF\x02\x01\x01")
	load := elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: loadedAt, Paddr: loadedAt, Filesz: size, Memsz: size, Align: 1 << 16}
	var b bytes.Buffer
	for _, part := range []any{head, load, body} {
		_ = binary.Write(&b, binary.LittleEndian, part) // into memory, of fixed sizes
	}
	return b.Bytes()
}

// assembler writes instructions of one architecture.
type assembler interface {
	// call is a system call.
	call(number systemCall, args ...operand)
	// differs makes the answer of the last call 0 if it was n, else 1.
	differs(n uint32)
	bytes() []byte
}

// systemCall is a number on both architectures. AArch64 has no open: openat is told to start from the working directory.
type systemCall struct{ amd64, arm64 uint32 }

var write, open, exit = systemCall{1, 64}, systemCall{2, 56}, systemCall{60, 93}

// operand is a number, or the answer of the last call.
type operand struct {
	value    uint32
	answered bool
}

var answer = operand{answered: true}

func imm(n uint32) operand { return operand{value: n} }

// amd64 passes numbers in eax, arguments in edi, esi, edx, and has the answer in rax.
type amd64 struct{ code []byte }

func (a *amd64) bytes() []byte { return a.code }

func (a *amd64) call(number systemCall, args ...operand) {
	for i, arg := range args { // the answer comes first: the number overwrites it
		if arg.answered {
			a.code = append(a.code, 0x89, []byte{0xc7, 0xc6, 0xc2}[i]) // mov edi|esi|edx, eax
			continue
		}
		a.set([]byte{0xbf, 0xbe, 0xba}[i], arg.value)
	}
	a.set(0xb8, number.amd64)
	a.code = append(a.code, 0x0f, 0x05) // syscall
}

// set is mov r32, n.
func (a *amd64) set(opcode byte, n uint32) {
	a.code = binary.LittleEndian.AppendUint32(append(a.code, opcode), n)
}

func (a *amd64) differs(n uint32) {
	a.code = append(a.code, 0x48, 0x3d) // cmp rax, n
	a.code = binary.LittleEndian.AppendUint32(a.code, n)
	a.code = append(a.code, 0x0f, 0x95, 0xc0) // setne al
	a.code = append(a.code, 0x0f, 0xb6, 0xc0) // movzx eax, al
}

// arm64 passes numbers in x8, arguments in x0 to x3, and has the answer in x0.
type arm64 struct{ code []byte }

func (a *arm64) bytes() []byte { return a.code }

func (a *arm64) op(code uint32) { a.code = binary.LittleEndian.AppendUint32(a.code, code) }

func (a *arm64) call(number systemCall, args ...operand) {
	register := uint32(0)
	if number == open {
		a.op(0x92800000 | (100-1)<<5) // movn x0, #99: -100, AT_FDCWD
		register++
	}
	for _, arg := range args {
		if !arg.answered { // which is in x0 already, and is only ever the first
			a.set(register, arg.value)
		}
		register++
	}
	a.set(8, number.arm64)
	a.op(0xd4000001) // svc #0
}

// set is movz and movk, for the low and the high half.
func (a *arm64) set(register, n uint32) {
	a.op(0xd2800000 | n&0xffff<<5 | register)
	a.op(0xf2a00000 | n>>16<<5 | register)
}

func (a *arm64) differs(n uint32) {
	a.op(0xf100001f | n<<10) // cmp x0, #n
	a.op(0x9a9f07e0)         // cset x0, ne
}

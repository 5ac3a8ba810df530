package gitctx

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"sort"
	"strconv"
	"strings"
)

// File is a file that is read in pieces: packs have gigabytes.
type File interface {
	io.ReaderAt
	io.Closer
}

// objects reads objects from git's files, without the git program: a file of its own each, or packed with others. The formats are those of
// Git's documentation, gitformat-pack(5). Packs are taken as they are: what is wrong in them is an object that is not found.
type objects struct {
	s       Source
	folders []string
	packs   []*pack // the one that had the last object first
}

// What is read of one repository at most. Its files may be anybody's.
const (
	objectBytes = 1 << 20 // of one object; git's own limits are the disk's
	packsRead   = 1_000   // repositories are packed anew from 50 on
	deltaDepth  = 250     // of objects that are changes of others; git makes 50
	alternates  = 5       // folders of objects that are borrowed, which git follows as deep
)

var errNoObject = errors.New("there is no such object in git's files")

// openObjects begins to read the objects below a repository's common folder.
func openObjects(s Source, common string) *objects {
	o := &objects{s: s, folders: []string{path.Join(common, "objects")}}
	for i := 0; i < len(o.folders) && len(o.folders) <= alternates; i++ {
		text, err := s.read(path.Join(o.folders[i], "info", "alternates"))
		if err != nil {
			continue
		}
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				o.folders = append(o.folders, absolute(o.folders[i], line))
			}
		}
	}
	for _, folder := range o.folders {
		names, err := s.list(path.Join(folder, "pack"))
		if err != nil {
			continue
		}
		for _, name := range names {
			if stem, isIndex := strings.CutSuffix(name, ".idx"); isIndex && len(o.packs) < packsRead {
				o.packs = append(o.packs, &pack{s: s, stem: path.Join(folder, "pack", stem)})
			}
		}
	}
	return o
}

func (o *objects) close() {
	for _, p := range o.packs {
		p.close()
	}
}

// commit returns the text of a commit, at most objectBytes of it.
func (o *objects) commit(hash string) ([]byte, error) {
	id, err := hex.DecodeString(hash)
	if err != nil || len(id) < 20 {
		return nil, errNoObject
	}
	for _, folder := range o.folders {
		if text, err := o.loose(path.Join(folder, hash[:2], hash[2:])); err == nil {
			return text, nil
		}
	}
	for i, p := range o.packs {
		if at, err := p.find(id); err == nil {
			o.packs[0], o.packs[i] = p, o.packs[0]
			kind, text, err := o.packed(p, at, 0)
			if err == nil && kind != commitObject {
				err = errNoObject
			}
			return text, err
		}
	}
	return nil, errNoObject
}

// loose reads a commit from a file of its own: "commit 123\0" and the text, deflated.
func (o *objects) loose(name string) ([]byte, error) {
	f, err := o.s.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := inflate(io.NewSectionReader(f, 0, 1<<40), objectBytes)
	if err != nil {
		return nil, err
	}
	head, rest, ok := bytes.Cut(text, []byte{0})
	if !ok || !bytes.HasPrefix(head, []byte("commit ")) {
		return nil, errNoObject
	}
	return rest, nil
}

// inflate returns the first most bytes of a deflated text.
func inflate(r io.Reader, most int64) ([]byte, error) {
	z, err := zlib.NewReader(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(z, most))
	return text, errors.Join(err, z.Close())
}

// Kinds of objects in a pack.
const (
	commitObject = 1
	offsetDelta  = 6
	hashDelta    = 7
)

// packed reads the object at an offset of a pack, which may be a change of another one. depth is how many such changes led here.
func (o *objects) packed(p *pack, at int64, depth int) (kind int, text []byte, err error) {
	if depth > deltaDepth {
		return 0, nil, fmt.Errorf("%s: more than %d changes of objects lead to each other", p.stem, deltaDepth)
	}
	var raw [64]byte // kind and size, and the base of a delta
	n, err := p.data.ReadAt(raw[:], at)
	if n == 0 {
		return 0, nil, err
	}
	head := bytes.NewReader(raw[:n])
	first, err := head.ReadByte()
	if err != nil {
		return 0, nil, err
	}
	kind = int(first>>4) & 7
	size := int64(first & 15)
	for shift, next := 4, first; next&0x80 != 0 && shift < 60; shift += 7 {
		if next, err = head.ReadByte(); err != nil {
			return 0, nil, err
		}
		size |= int64(next&0x7f) << shift
	}
	rest := func() (io.Reader, int64) {
		return io.NewSectionReader(p.data, at+int64(n-head.Len()), 1<<40), min(size, objectBytes)
	}
	var base []byte
	switch kind {
	case commitObject:
		r, most := rest()
		text, err = inflate(r, most)
		return kind, text, err
	case offsetDelta:
		back, err := readBack(head)
		if err != nil || back <= 0 || back > at {
			return 0, nil, errNoObject
		}
		if kind, base, err = o.packed(p, at-back, depth+1); err != nil {
			return 0, nil, err
		}
	case hashDelta:
		id := make([]byte, p.hashBytes)
		if _, err := io.ReadFull(head, id); err != nil {
			return 0, nil, err
		}
		from, err := p.find(id)
		if err != nil {
			return 0, nil, err
		}
		if kind, base, err = o.packed(p, from, depth+1); err != nil {
			return 0, nil, err
		}
	default:
		return kind, nil, nil // another object's content is nobody's business
	}
	if size > objectBytes {
		return 0, nil, errNoObject
	}
	r, most := rest()
	delta, err := inflate(r, most)
	if err != nil {
		return 0, nil, err
	}
	text, err = applyDelta(base, delta)
	return kind, text, err
}

// readBack reads how far before a delta its base lies.
func readBack(r io.ByteReader) (back int64, err error) {
	for i := 0; ; i++ {
		b, err := r.ReadByte()
		if err != nil || i > 8 {
			return 0, errNoObject
		}
		if back = back<<7 | int64(b&0x7f); b&0x80 == 0 {
			return back, nil
		}
		back++
	}
}

// applyDelta makes an object out of its base: a delta says the sizes of both, and then what to copy from the base and what to insert.
func applyDelta(base, delta []byte) ([]byte, error) {
	r := bytes.NewReader(delta)
	from, err := binary.ReadUvarint(r)
	if err != nil || from != uint64(len(base)) {
		return nil, errNoObject
	}
	size, err := binary.ReadUvarint(r)
	if err != nil || size > objectBytes {
		return nil, errNoObject
	}
	out := make([]byte, 0, size)
	for r.Len() > 0 {
		op, _ := r.ReadByte()
		if op&0x80 == 0 { // insert; 0 is reserved
			if op == 0 || int(op) > r.Len() {
				return nil, errNoObject
			}
			insert := make([]byte, op)
			_, _ = r.Read(insert)
			out = append(out, insert...)
		} else {
			var offset, length int
			for i := range 7 {
				if op>>i&1 == 0 {
					continue
				}
				b, err := r.ReadByte()
				if err != nil {
					return nil, errNoObject
				}
				if i < 4 {
					offset |= int(b) << (8 * i)
				} else {
					length |= int(b) << (8 * (i - 4))
				}
			}
			if length == 0 {
				length = 0x10000
			}
			if offset > len(base) || length > len(base)-offset {
				return nil, errNoObject
			}
			out = append(out, base[offset:offset+length]...)
		}
		if uint64(len(out)) > size {
			return nil, errNoObject
		}
	}
	if uint64(len(out)) != size {
		return nil, errNoObject
	}
	return out, nil
}

// pack is a file of objects and its index, opened when it is first asked.
type pack struct {
	s           Source
	stem        string // path without .pack and .idx
	hashBytes   int
	index, data File
	failed      error
	count       int64 // of its objects
}

func (p *pack) close() {
	for _, f := range []File{p.index, p.data} {
		if f != nil {
			_ = f.Close() // it was only read
		}
	}
}

// Parts of an index of version 2: its beginning, how many objects there are up to each first byte, then hashes, checksums and offsets of
// all, in the order of the hashes.
const (
	indexMagic = "\xfftOc\x00\x00\x00\x02"
	fanoutAt   = int64(len(indexMagic))
	hashesAt   = fanoutAt + 256*4
)

func (p *pack) open(hashBytes int) error {
	if p.failed != nil || p.data != nil {
		return p.failed
	}
	p.hashBytes = hashBytes
	p.failed = func() (err error) {
		if p.index, err = p.s.open(p.stem + ".idx"); err != nil {
			return err
		}
		magic := make([]byte, len(indexMagic))
		if _, err := p.index.ReadAt(magic, 0); err != nil || string(magic) != indexMagic {
			return errNoObject
		}
		if p.count, err = p.number(fanoutAt + 255*4); err != nil {
			return err
		}
		p.data, err = p.s.open(p.stem + ".pack")
		return err
	}()
	return p.failed
}

// number reads four bytes of the index.
func (p *pack) number(at int64) (int64, error) {
	var b [4]byte
	if _, err := p.index.ReadAt(b[:], at); err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint32(b[:])), nil
}

// find returns the offset of an object in the pack.
func (p *pack) find(id []byte) (offset int64, err error) {
	if err := p.open(len(id)); err != nil {
		return 0, err
	}
	low := int64(0)
	if id[0] > 0 {
		if low, err = p.number(fanoutAt + 4*int64(id[0]-1)); err != nil {
			return 0, err
		}
	}
	high, err := p.number(fanoutAt + 4*int64(id[0]))
	if err != nil || low > high || high > p.count {
		return 0, errNoObject
	}
	width, got := int64(p.hashBytes), make([]byte, p.hashBytes)
	at := low + int64(sort.Search(int(high-low), func(i int) bool {
		_, failed := p.index.ReadAt(got, hashesAt+(low+int64(i))*width)
		err = errors.Join(err, failed)
		return bytes.Compare(got, id) >= 0
	}))
	if err != nil || at == high {
		return 0, errNoObject
	}
	if _, err := p.index.ReadAt(got, hashesAt+at*width); err != nil || !bytes.Equal(got, id) {
		return 0, errNoObject
	}
	offsetsAt := hashesAt + p.count*(width+4)
	if offset, err = p.number(offsetsAt + 4*at); err != nil || offset&(1<<31) == 0 {
		return offset, err
	}
	var b [8]byte // of a pack over two gigabytes
	if _, err := p.index.ReadAt(b[:], offsetsAt+4*p.count+8*(offset&^(1<<31))); err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(b[:]) &^ (1 << 63)), nil //nolint:gosec // the highest bit is cleared
}

// header returns the values of a commit's header and its message.
func header(text []byte) (values map[string]string, message string) {
	values = map[string]string{}
	for {
		line, rest, more := bytes.Cut(text, []byte("\n"))
		if text = rest; len(line) == 0 || !more {
			return values, string(rest)
		}
		key, value, _ := strings.Cut(string(line), " ")
		if _, has := values[key]; !has { // the first parent
			values[key] = value
		}
	}
}

// signature splits "Name <address> 1700000000 +0100".
func signature(text string) (name string, seconds int64, ok bool) {
	open, end := strings.Index(text, "<"), strings.LastIndex(text, ">")
	if open < 0 || end < open {
		return strings.TrimSpace(text), 0, false
	}
	when, _, _ := strings.Cut(strings.TrimSpace(text[end+1:]), " ")
	seconds, err := strconv.ParseInt(when, 10, 64)
	return strings.TrimSpace(text[:open]), seconds, err == nil
}

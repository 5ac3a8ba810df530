package adapter

import (
	"hash/maphash"
	"math/bits"
)

// nameTable numbers names in the order in which they come: open addressing over hashes, which are kept, so that it grows without looking
// at a name again and holds nothing for the garbage collector to follow but the names. At ten thousands of benchmarks a map of strings is
// a fifth of the time that reading them takes.
type nameTable struct {
	names []string
	slots []nameSlot // a power of two, at most three quarters full, and a fifth at the least where there are many
	seed  maphash.Seed

	asked     string // the name that was asked for last, which mostly is added next, and its hash
	askedHash uint32
}

type nameSlot struct {
	hash  uint32
	place uint32 // in names, counted from 1; 0: the slot is free
}

// newNameTable is a table with room for n names.
func newNameTable(n int) nameTable {
	return nameTable{names: make([]string, 0, n), slots: make([]nameSlot, max(16, 1<<bits.Len(uint(n+n/2)))), seed: maphash.MakeSeed()}
}

// add is the number of the name, and whether it is new.
func (t *nameTable) add(name string) (place int, isNew bool) {
	t.makeRoom()
	hash := t.askedHash
	if t.asked != name || name == "" {
		hash = uint32(maphash.String(t.seed, name))
	}
	mask := uint32(len(t.slots) - 1)
	at := hash & mask
	for ; t.slots[at].place != 0; at = (at + 1) & mask {
		if s := t.slots[at]; s.hash == hash && t.names[s.place-1] == name {
			return int(s.place) - 1, false
		}
	}
	t.names = append(t.names, name)
	t.slots[at] = nameSlot{hash, uint32(len(t.names))}
	return len(t.names) - 1, true
}

// has reports whether the name has a number.
func (t *nameTable) has(name string) bool {
	if len(t.names) == 0 {
		return false
	}
	hash := uint32(maphash.String(t.seed, name))
	t.asked, t.askedHash = name, hash
	mask := uint32(len(t.slots) - 1)
	for at := hash & mask; t.slots[at].place != 0; at = (at + 1) & mask {
		if s := t.slots[at]; s.hash == hash && t.names[s.place-1] == name {
			return true
		}
	}
	return false
}

// addBytes is add for a name that becomes a string only if it is new.
func (t *nameTable) addBytes(name []byte) (place int, isNew bool) {
	t.makeRoom()
	hash := uint32(maphash.Bytes(t.seed, name))
	mask := uint32(len(t.slots) - 1)
	at := hash & mask
	for ; t.slots[at].place != 0; at = (at + 1) & mask {
		if s := t.slots[at]; s.hash == hash && t.names[s.place-1] == string(name) {
			return int(s.place) - 1, false
		}
	}
	t.names = append(t.names, string(name))
	t.slots[at] = nameSlot{hash, uint32(len(t.names))}
	return len(t.names) - 1, true
}

// few reports whether it stayed small, so that it is worth using again.
func (t *nameTable) few() bool { return len(t.names) <= storeBenchmarks }

// clear forgets all names.
func (t *nameTable) clear() {
	clear(t.names)
	clear(t.slots)
	t.names, t.asked = t.names[:0], ""
}

// makeRoom makes room for one more.
func (t *nameTable) makeRoom() {
	if len(t.names) >= len(t.slots)/4*3 {
		t.grow()
	}
}

func (t *nameTable) grow() {
	if t.slots == nil {
		t.seed = maphash.MakeSeed()
	}
	old := t.slots
	t.slots = make([]nameSlot, max(16, 4*len(old)))
	mask := uint32(len(t.slots) - 1)
	for _, s := range old {
		if s.place == 0 {
			continue
		}
		at := s.hash & mask
		for t.slots[at].place != 0 {
			at = (at + 1) & mask
		}
		t.slots[at] = s
	}
}

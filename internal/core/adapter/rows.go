package adapter

import (
	"cmp"
	"iter"
)

// rows keeps what a tool wrote about each of its runs until all are read. They lie in blocks: growing copies nothing, and a row stays where it is.
type rows[T any] struct {
	blocks [][]T
	n      int
}

const (
	rowsInBlock = 256
	fewRows     = 4 // of the first block
)

// slab gives small slices of values that stay until the end, many of one array: as many benchmarks have few metrics each.
type slab[T any] struct {
	all   []T // the array that is taken from
	free  []T // what is left of it
	taken int
	few   int // values of the first array; 0: fewItems
}

// slabItems is how many values an array has once there are many.
const (
	slabItems = 1024
	fewItems  = 16 // and of the first one
)

// take is room for n values, which are zero and nobody else's.
func (s *slab[T]) take(n int) []T {
	if len(s.free) < n {
		s.all = make([]T, max(n, min(slabItems, max(cmp.Or(s.few, fewItems), s.taken))))
		s.free = s.all
	}
	room := s.free[:0:n]
	s.free = s.free[n:]
	s.taken += n
	return room
}

// grow is room for the same values and more.
func (s *slab[T]) grow(values []T) []T {
	room := s.take(max(4, 2*cap(values)))
	return append(room, values...)
}

// clear takes everything back: nobody may have any of it any more.
func (s *slab[T]) clear() {
	clear(s.all[:len(s.all)-len(s.free)])
	s.free, s.taken = s.all, 0
}

// clear takes all rows back, of which the last block is used again.
func (r *rows[T]) clear() {
	if last := len(r.blocks) - 1; last >= 0 {
		clear(r.blocks[last])
		r.blocks[0] = r.blocks[last][:0]
		clear(r.blocks[1:])
		r.blocks = r.blocks[:1]
	}
	r.n = 0
}

// next is a new row, empty.
func (r *rows[T]) next() *T {
	last := len(r.blocks) - 1
	if last < 0 || len(r.blocks[last]) == cap(r.blocks[last]) {
		r.blocks = append(r.blocks, make([]T, 0, max(fewRows, min(rowsInBlock, r.n))))
		last++
	}
	block := r.blocks[last]
	block = block[:len(block)+1]
	r.blocks[last] = block
	r.n++
	return &block[len(block)-1]
}

// all are the rows in their order.
func (r *rows[T]) all() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for _, block := range r.blocks {
			for i := range block {
				if !yield(&block[i]) {
					return
				}
			}
		}
	}
}

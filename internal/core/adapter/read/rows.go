package read

import (
	"cmp"
	"iter"
)

// Rows keeps what a tool wrote about each of its runs until all are read. They lie in blocks: growing copies nothing, and a row stays where
// it is.
type Rows[T any] struct {
	blocks [][]T
	n      int
}

const (
	rowsInBlock = 256
	fewRows     = 4 // of the first block
)

// Slab gives small slices of values that stay until the end, many of one array: as many benchmarks have few metrics each.
type Slab[T any] struct {
	all   []T // the array that is taken from
	free  []T // what is left of it
	taken int
	First int // how many values the first array has; 0: fewItems
}

// Sizes of a slab's arrays, in values.
const (
	// SlabItems is how many an array has once there are many.
	SlabItems = 1024
	fewItems  = 16 // and of the first one
)

// Take is room for n values, which are zero and nobody else's.
func (s *Slab[T]) Take(n int) []T {
	if len(s.free) < n {
		s.all = make([]T, max(n, min(SlabItems, max(cmp.Or(s.First, fewItems), s.taken))))
		s.free = s.all
	}
	room := s.free[:0:n]
	s.free = s.free[n:]
	s.taken += n
	return room
}

// Grow is room for the same values and more: a copy of them with at least twice their capacity.
func (s *Slab[T]) Grow(values []T) []T {
	room := s.Take(max(4, 2*cap(values)))
	return append(room, values...)
}

// Size is how many values the newest array has, given or not.
func (s *Slab[T]) Size() int { return len(s.all) }

// Clear takes everything back: nobody may have any of it any more.
func (s *Slab[T]) Clear() {
	clear(s.all[:len(s.all)-len(s.free)])
	s.free, s.taken = s.all, 0
}

// Clear takes all rows back, and keeps the last block for the next ones.
func (r *Rows[T]) Clear() {
	if last := len(r.blocks) - 1; last >= 0 {
		clear(r.blocks[last])
		r.blocks[0] = r.blocks[last][:0]
		clear(r.blocks[1:])
		r.blocks = r.blocks[:1]
	}
	r.n = 0
}

// Next is a new row, empty. The pointer stays good until Clear.
func (r *Rows[T]) Next() *T {
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

// First is the first row; there must be one.
func (r *Rows[T]) First() *T { return &r.blocks[0][0] }

// Len is how many rows there are.
func (r *Rows[T]) Len() int { return r.n }

// All are the rows in their order.
func (r *Rows[T]) All() iter.Seq[*T] {
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

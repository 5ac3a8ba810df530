package adapter

import "iter"

// rows keeps what a tool wrote about each of its runs until all are read. They lie in blocks: growing copies nothing, and a row stays where it is.
type rows[T any] struct {
	blocks [][]T
	n      int
}

const rowsInBlock = 256

// next is a new row, empty.
func (r *rows[T]) next() *T {
	last := len(r.blocks) - 1
	if last < 0 || len(r.blocks[last]) == cap(r.blocks[last]) {
		r.blocks = append(r.blocks, make([]T, 0, max(1, min(rowsInBlock, r.n))))
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

package paired

import "math/rand/v2"

// Order is the sequence in which the arms run: blocks of ABBA or BAAB by a coin.
type Order struct {
	coin  *rand.Rand
	block []Arm // what is left of the block that runs, the next arm first
}

// NewOrder begins an order.
func NewOrder(coin *rand.Rand) *Order { return &Order{coin: coin} }

// Next is the arm that should run now. It stays the same until Done is called.
func (o *Order) Next() Arm {
	if len(o.block) == 0 {
		o.block = []Arm{A, B, B, A}
		if o.coin.IntN(2) == 1 {
			o.block = []Arm{B, A, A, B}
		}
	}
	return o.block[0]
}

// Done says that the arm has run.
func (o *Order) Done() { o.block = o.block[1:] }

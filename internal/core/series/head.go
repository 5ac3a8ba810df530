package series

// Start names where a head's history was copied from, or where it is asked to be copied from.
type Start struct {
	BranchID string
	Hash     string // commit of the start version; empty: it has none, or none was asked for
}

// Wish is what a submission asks of its branch's head.
type Wish struct {
	Start    *Start // nil: no start point was asked for
	Reset    bool   // a new head even when nothing changed
	Detected bool   // Start was found by the client and not asked for by anybody
}

// Move is what happens to a branch's head.
type Move int

// The moves.
const (
	Keep  Move = iota // go on with the current head
	Fresh             // a new head without history
	Copy              // a new head that begins with the start point's history
)

func (m Move) String() string {
	switch m {
	case Keep:
		return "keep"
	case Fresh:
		return "fresh"
	case Copy:
		return "copy"
	}
	return "unknown"
}

// Current is a branch's head as it stands. Start is nil for a head that began empty.
type Current struct {
	BranchID string
	Start    *Start
}

// NextHead decides the move. current is nil for a branch that is yet to be made.
//
// A head is kept unless a reset is asked for, the start branch is another one, or a start commit is asked for that is not the one that
// the head began at (a rebased branch). A start point that was only detected is for new branches: nobody asked for an end of the history
// that a branch has. A branch that is asked to start from itself, without commit and without reset, is kept: a
// pipeline that passes the same start point on every branch does so on the start branch too.
func NextHead(current *Current, wish Wish) Move {
	fresh := Fresh
	if wish.Start != nil {
		fresh = Copy
	}
	switch {
	case current == nil, wish.Reset:
		return fresh
	case wish.Start == nil, wish.Detected:
		return Keep
	case wish.Start.BranchID == current.BranchID && wish.Start.Hash == "":
		return Keep
	case current.Start == nil, current.Start.BranchID != wish.Start.BranchID:
		return Copy
	case wish.Start.Hash != "" && wish.Start.Hash != current.Start.Hash:
		return Copy
	}
	return Keep
}

package change

import "sync"

// workspace is memory that is used again from series to series. It is not safe for concurrent use; workspaces has one for whoever asks.
type workspace struct {
	z                                    []float64
	at                                   []int // input positions of z
	copied, distances, differences, rest []float64
	pieces, spare                        []piece
	inverse                              []float64
	previous                             []int32
	starts, chosen, left, removed        []int
	segments                             sortedSegments
	path                                 []candidate
	shifts                               []shift
	levels                               []level
	costs                                []float64
	runs                                 []run
}

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

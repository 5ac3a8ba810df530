package sweep

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
)

// TasksOfSlot are the tasks of one slot of a pool, each workload repeats times, in a random order of its own: what a machine does first is
// then no property of a workload. The order depends on the seed, the pool's alias and the ordinal (from 1) alone. Slot is left 0.
func TasksOfSlot(workloads, repeats int, seed uint64, alias string, ordinal int) []Task {
	out := make([]Task, 0, workloads*repeats)
	for w := range workloads {
		for repeat := range repeats {
			out = append(out, Task{Workload: w, Repeat: repeat + 1})
		}
	}
	h := fnv.New64a()
	h.Write([]byte(alias))
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(ordinal-1))) //nolint:gosec // it counts from 1
	r := rand.New(rand.NewPCG(seed, h.Sum64()))
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	for i := range out {
		out[i].Place = i + 1
	}
	return out
}
